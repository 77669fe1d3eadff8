"""The micro-batches of packed samples of a worker, each with the state after it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np

from interloom.loader.dealing import Share, own_numbers
from interloom.loader.fetching import LEFT_OUT, Fetcher, SampleError
from interloom.loader.packing import Lane, Packed, Packing, Piece, Reading
from interloom.loader.state import State
from interloom.loader.steps import Step, cut, for_worker
from interloom.loader.stream import Place
from interloom.pipeline.errors import ConfigError, Failure, guarded

_WITHOUT_END = 1 << 60
_AHEAD = 16
"""Packed samples for which documents are read ahead. Our choice: with a few documents each, enough for the threads."""


@dataclass(frozen=True)
class PackedSteps:
    """The steps of packed samples, without end.

    Parameters:
        fetcher: Reads the documents.
        batch: Packed samples of all ranks that make a step of training.
        packing: How documents are packed.
    """

    fetcher: Fetcher
    batch: int
    packing: Packing

    @property
    def lanes(self) -> int:
        """How many lanes there are. Raises ConfigError if there are not as many documents."""
        lanes, documents = self.batch * self.packing.strands, self.fetcher.stream.mixture.length
        if documents < lanes:
            raise ConfigError(f"packing: {documents} documents cannot fill {lanes} lanes (batch x strands); lower strands")
        return lanes

    def after(self, start: State, share: Share, singly: bool = False) -> Iterator[Step]:
        """The micro-batches from a state on, or the packed samples one by one."""
        if start.position % share.ranks:
            raise ConfigError(f"state: {share.ranks} ranks cannot go on within a batch; save states at the end of batches")
        start = for_worker(start, share)
        lanes = _Lanes(self, start, share)
        states = {lane[0]: lane for lane in start.lanes if lane[0] % share.ranks == share.rank}
        taken = start.taken
        try:
            for numbers in lanes.looked_ahead(cut(own_numbers(_WITHOUT_END, share, taken), singly)):
                samples = list[Packed]()
                for number in numbers:
                    lane, sample = lanes.at(number)
                    samples += self._packed(lane.number, lane.sample(sample))
                    states[lane.number] = lane.state
                taken += len(numbers)
                yield Step(samples, replace(start, lanes=tuple(states.values())), numbers.stop * share.ranks, taken)
        finally:
            lanes.close()
            self.fetcher.reader.close()

    def _packed(self, lane: int, pieces: Sequence[Piece]) -> Iterator[Packed]:
        """The sample of these pieces, with its pictures decoded. A piece with a picture that cannot be decoded is noted and left
        out; so is a sample of which nothing stays."""
        shown = [(piece, items) for piece in pieces if (items := self._shown(lane, piece)) is not LEFT_OUT]
        if shown:
            yield Packed([items for _, items in shown], [piece.id for piece, _ in shown], [piece.tokens for piece, _ in shown])

    def _shown(self, lane: int, piece: Piece) -> Any:
        items = guarded(lambda: self.packing.shown(piece))
        if not isinstance(items, Failure):
            return items
        [place] = self.places(lane, [piece.document])
        pieces, shown = self.packing.pieces, self.packing.shown  # once more from the shard, if its copy in the cache is damaged
        again = self.fetcher.guarded_view(place, lambda sample: shown(pieces(sample, piece.document)[piece.part]))
        return self.fetcher.noted(again)

    def places(self, lane: int, documents: Sequence[int]) -> list[Place]:
        """Where documents of a lane lie: it has every so many-th position of every epoch."""
        lanes = self.lanes
        length = -(-(self.fetcher.stream.mixture.length - lane) // lanes)
        places = list[Place]()
        for epoch, some in groupby(documents, key=lambda document: document // length):
            positions = np.array([lane + lanes * (document % length) for document in some], np.int64)
            places += self.fetcher.stream.places(epoch, positions)
        return places


class _Lanes:
    """The lanes of a worker. With threads, what the next samples need is read ahead.

    Parameters:
        steps: What they belong to.
        start: Where they go on.
        share: Who reads.
    """

    def __init__(self, steps: PackedSteps, start: State, share: Share) -> None:
        self._steps, self._begin, self._share, self._count = steps, start.position, share, steps.lanes
        self._stored = {lane[0]: lane for lane in start.lanes}
        self._lanes = dict[int, Lane]()
        threads = steps.fetcher.threads
        self._pool = ThreadPoolExecutor(threads) if threads else None

    def close(self) -> None:
        """Ends reading ahead."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def at(self, number: int) -> tuple[Lane, int]:
        """The lane that makes the worker's sample of this number, and which of its own that is."""
        sample, lane = divmod(self._begin + number * self._share.ranks + self._share.rank, self._count)
        if lane not in self._lanes:
            self._lanes[lane] = Lane(lane, self._steps.packing, self._read, self._stored.get(lane))
        return self._lanes[lane], sample

    def looked_ahead(self, micro_batches: Iterator[range]) -> Iterator[range]:
        """The micro-batches; their lanes begin to read some samples before it is their turn."""
        coming, samples = deque[range](), 0
        for numbers in micro_batches:
            coming.append(numbers)
            samples += len(numbers)
            if self._pool is not None:
                for number in numbers:
                    self.at(number)[0].begin()
            while samples > _AHEAD or (coming and self._pool is None):
                samples -= len(coming[0])
                yield coming.popleft()
        yield from coming

    def _read(self, lane: int, documents: Sequence[int]) -> Reading:
        """Begins to read documents of a lane; one that cannot be read has no pieces."""
        items, noted = zip(documents, self._steps.places(lane, documents), strict=True), self._steps.fetcher.noted
        if self._pool is None:
            results: Iterator[Any] = map(self._pieces_of, items)
        else:
            futures = [self._pool.submit(self._pieces_of, item) for item in items]
            results = (future.result() for future in futures)
        return lambda: [() if (pieces := noted(result)) is LEFT_OUT else pieces for result in results]

    def _pieces_of(self, document: tuple[int, Place]) -> Sequence[Piece] | SampleError:
        number, place = document
        sample = self._steps.fetcher.guarded_view(place, lambda sample: self._steps.packing.pieces(sample, number))
        return sample  # type: ignore[no-any-return]
