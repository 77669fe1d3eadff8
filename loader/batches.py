"""Batches of a stream, read ahead by torch's DataLoader or in this process, with a state that counts what was yielded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from interloom.loader.fetching import SampleError
from interloom.loader.state import State
from interloom.loader.steps import Step, ended
from interloom.loader.streaming import StreamingDocuments, register, with_worker
from interloom.pipeline.errors import ConfigError, did_you_mean

Collate = Callable[[list[Any]], Any]
_OPTIONS = frozenset(
    [
        "generator",
        "in_order",
        "multiprocessing_context",
        "persistent_workers",
        "pin_memory",
        "pin_memory_device",
        "prefetch_factor",
        "timeout",
        "worker_init_fn",
    ]
)
"""What `loader()` hands on to DataLoader. Its other options are those of the dataset."""
_INSTEAD = {
    "batch_size": "; the batch is that of StreamingDocuments(batch=, micro_batch=)",
    "collate_fn": "; give collate=",
    "num_workers": "; give workers=",
    "shuffle": "; the order is that of StreamingDocuments(shuffle=)",
    "drop_last": "; give StreamingDocuments(tail=)",
}


@dataclass(eq=False)
class Loader:
    """The micro-batches of a rank, epoch after epoch: each `iter()` gives the next ones of the stream.

    `state_dict` is the same on every rank, unless documents are packed: then `merged` makes one state of those of all ranks. It
    counts batches that were yielded, not those that workers have read ahead. A batch is short of samples that could not be read
    (`errors`), so that all ranks have equally many batches.
    """

    dataset: StreamingDocuments
    workers: int
    collate: Collate | None
    options: Mapping[str, Any]

    def __post_init__(self) -> None:
        self.errors: list[SampleError] = []
        self._state, self._is_iterated = self.dataset.state, False

    def state_dict(self) -> dict[str, Any]:
        """A small record of integers: what has been yielded."""
        return self._state.to_dict()

    def load_state_dict(self, record: Mapping[str, Any]) -> None:
        """Goes on where a state was taken, with any number of ranks and workers. Raises ConfigError as the dataset does."""
        if self._is_iterated:
            raise ConfigError("load_state_dict: iterating has begun; load the state before iter()")
        self.dataset.load_state_dict(record)
        self._state = self.dataset.state

    def __iter__(self) -> Iterator[Any]:
        """The batches of the rank."""
        self._is_iterated = True
        return self._batches()

    def _batches(self) -> Iterator[Any]:
        lanes = {lane[0]: lane for lane in self._state.lanes if lane[0] % self.dataset.share.ranks == self.dataset.share.rank}
        for step, errors in self._steps():
            for lane in step.state.lanes:  # a worker knows how far its own lanes are
                if lane[0] not in lanes or lane[1] > lanes[lane[0]][1]:
                    lanes[lane[0]] = lane
            self.errors += errors
            self._state = replace(step.state, lanes=tuple(lanes[number] for number in sorted(lanes)))
            yield self.collate(step.samples) if self.collate else step.samples
        self._state = ended(self._state, self.dataset.epochs)
        self._is_iterated = False

    def _steps(self) -> Iterator[tuple[Step, list[SampleError]]]:
        reading = _Reading(self.dataset, self._state)
        if not self.workers:
            return iter(reading)
        from torch.utils.data import DataLoader

        register(_Reading)
        options: dict[str, Any] = {"batch_size": None, "num_workers": self.workers, "collate_fn": _unchanged, **self.options}
        return iter(DataLoader(reading, **options))


@dataclass(eq=False)
class _Reading:
    """The steps of a worker, each with the errors since the one before. It is what a DataLoader sends to its workers."""

    dataset: StreamingDocuments
    start: State

    def __iter__(self) -> Iterator[tuple[Step, list[SampleError]]]:
        self.dataset.errors.clear()
        for step in self.dataset.steps(self.start, with_worker(self.dataset.share)):
            yield step, list(self.dataset.errors)
            self.dataset.errors.clear()


def loader_problem(workers: int, options: Mapping[str, Any]) -> str:
    """Why a loader cannot be made so; else empty."""
    if not isinstance(workers, int) or workers < 0:
        return f"loader: workers: an integer, at least 0, not {workers!r}"
    for name in options:
        if name not in _OPTIONS:
            return f"loader: no option '{name}'{_INSTEAD.get(name) or did_you_mean(name, _OPTIONS)}"
    return ""


def _unchanged(item: Any) -> Any:
    return item
