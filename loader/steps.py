"""The micro-batches of a worker, each with the state after it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from interloom.loader.dealing import Share, check_start, own_numbers
from interloom.loader.fetching import Fetcher
from interloom.loader.state import State
from interloom.pipeline.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Step:
    """A micro-batch: its samples, and where it leaves the stream.

    `start` is the state that its worker began with in this epoch; since then all ranks together have yielded `further` samples
    when they have yielded this one and all before it, the worker alone `taken`. States are made when they are asked for.
    """

    samples: list[Any]
    start: State
    further: int
    taken: int

    @property
    def state(self) -> State:
        """The state when all ranks have yielded this micro-batch and all before it."""
        return whole(self.start, self.further)

    @property
    def own(self) -> State:
        """The state of the worker alone."""
        return self.state if self.start.workers == 1 else replace(self.start, taken=self.taken)


@dataclass(frozen=True)
class Steps:
    """The steps of samples that are not packed.

    Parameters:
        fetcher: Reads the samples.
        batch: Samples of all ranks that make a step of training.
        length: Samples of an epoch.
        epochs: An iteration ends before the next epoch whose number is a multiple of it; 0: never.
    """

    fetcher: Fetcher
    batch: int
    length: int
    epochs: int

    def after(self, start: State, share: Share, singly: bool = False) -> Iterator[Step]:
        """The micro-batches from a state on, or the samples one by one."""
        state = for_worker(start, share)
        last = last_epoch(state, self.epochs)
        try:
            while last is None or state.epoch <= last:
                check_start(state.position, self.length, self.batch, share.ranks)
                count = max(self.length - state.position, 0) // share.ranks
                yield from self._epoch(state, replace(share, worker=state.turn), count, singly)
                # Workers take turns across epochs: the next epoch begins with the worker whose turn it is.
                turn = (state.turn - -(-count // share.micro)) % share.workers
                state = replace(state, epoch=state.epoch + 1, position=0, taken=0, turn=turn)
        finally:
            self.fetcher.reader.close()

    def _epoch(self, start: State, share: Share, count: int, singly: bool) -> Iterator[Step]:
        batches = cut(own_numbers(count, share, start.taken), singly)
        located = self.fetcher.stream.located(start.epoch, start.position + share.rank, share.ranks, batches)
        taken = start.taken
        for numbers, samples in self.fetcher.views(located):
            taken += len(numbers)
            yield Step(samples, start, numbers.stop * share.ranks, taken)


def cut(micro_batches: Iterator[range], singly: bool) -> Iterator[range]:
    """The micro-batches, or each number of them alone."""
    return (range(n, n + 1) for numbers in micro_batches for n in numbers) if singly else micro_batches


def whole(state: State, further: int = 0) -> State:
    """The state of the ranks together, so many samples further."""
    return replace(state, position=state.position + further, taken=0, rank=0, ranks=1, worker=0, workers=1, turn=0)


def last_epoch(state: State, epochs: int) -> int | None:
    """The epoch that ends an iteration that goes through so many; None: there is none."""
    return (state.epoch // epochs + 1) * epochs - 1 if epochs else None


def ended(state: State, epochs: int) -> State:
    """The state after an iteration that ended by itself: it stands before the next epoch."""
    last = last_epoch(state, epochs)
    return whole(replace(state, epoch=last + 1, position=0)) if last is not None else state


def for_worker(state: State, share: Share) -> State:
    """The state as that of a worker, or of the rank if it has no others. Raises ConfigError if it is that of another worker."""
    own = replace(state, rank=0, ranks=1, worker=0, workers=1)
    if share.workers > 1:
        own = replace(state, rank=share.rank, ranks=share.ranks, worker=share.worker, workers=share.workers)
    if not state.taken:
        return replace(own, turn=own.worker)
    if own != state:
        raise ConfigError(
            f"state: it is of worker {state.worker} of {state.workers} of rank {state.rank} of {state.ranks}; "
            "merge the states of all workers (interloom.loader.merged) to go on with others"
        )
    return own
