"""The micro-batches of packed samples of a worker, each with the state after it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np

from interloom.loader.dealing import Share, own_numbers
from interloom.loader.fetching import LEFT_OUT, Fetcher, SampleError
from interloom.loader.packing import Lane, Packed, Packing, Piece
from interloom.loader.reading import ahead
from interloom.loader.state import State
from interloom.loader.steps import Step, cut, for_worker, whole
from interloom.loader.stream import Place
from interloom.pipeline.errors import ConfigError

_WITHOUT_END = 1 << 60


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
        start, count = for_worker(start, share), self.lanes
        stored = {state[0]: state for state in start.lanes}
        lanes, states = dict[int, Lane](), {n: state for n, state in stored.items() if n % share.ranks == share.rank}
        taken = start.taken
        try:
            for numbers in cut(own_numbers(_WITHOUT_END, share, taken), singly):
                samples = list[Packed]()
                for number in numbers:
                    sample, lane = divmod(start.position + number * share.ranks + share.rank, count)
                    if lane not in lanes:
                        lanes[lane] = Lane(lane, self.packing, self._pieces, stored.get(lane))
                    samples.append(self.packing.packed(lanes[lane].sample(sample)))
                    states[lane] = lanes[lane].state
                taken += len(numbers)
                state = replace(whole(start, numbers.stop * share.ranks), lanes=tuple(states.values()))
                own = state if share.workers == 1 else replace(start, taken=taken, lanes=state.lanes)
                yield Step(list(samples), state, own)
        finally:
            self.fetcher.reader.close()

    def _pieces(self, lane: int, documents: Sequence[int]) -> list[Sequence[Piece]]:
        """The pieces of documents of a lane; none of one that cannot be read."""
        read = ahead(zip(documents, self._places(lane, documents), strict=True), self._pieces_of, self.fetcher.threads)
        return [() if (pieces := self.fetcher.noted(result)) is LEFT_OUT else pieces for result in read]

    def _pieces_of(self, document: tuple[int, Place]) -> Sequence[Piece] | SampleError:
        number, place = document
        sample = self.fetcher.guarded_view(place, lambda sample: self.packing.pieces(sample, number))
        return sample  # type: ignore[no-any-return]

    def _places(self, lane: int, documents: Sequence[int]) -> list[Place]:
        """Where documents of a lane lie: it has every so many-th position of every epoch."""
        lanes = self.lanes
        length = -(-(self.fetcher.stream.mixture.length - lane) // lanes)
        places = list[Place]()
        for epoch, some in groupby(documents, key=lambda document: document // length):
            positions = np.array([lane + lanes * (document % length) for document in some], np.int64)
            places += self.fetcher.stream.places(epoch, positions)
        return places
