"""Fetches samples by their places and makes views of them. What cannot be read is noted and left out, up to a limit."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from interloom.loader.cache import Cache
from interloom.loader.reading import Reader, Wanted, ahead
from interloom.loader.sample import Sample, parsed
from interloom.loader.stream import Place, Stream
from interloom.loader.whole_numbers import problem_of
from interloom.pipeline.errors import DamageError, Failure, FatalError, guarded
from interloom.schemas.sample import IMAGES, RECORD, TEXTS, unflattened

_log = logging.getLogger("interloom.loader")
_THREADS_OF_A_STORE = 8
"""Threads that read ahead from a store, which hide its latency. Our choice."""

View = Callable[[Sample], Any]
_LIKE = {RECORD: "json", TEXTS: "json", IMAGES: "0.jpg"}
"""The members of "flat" samples, and what holds the same in those of "interleaved" ones."""
LEFT_OUT = object()
"""What a view returns for a sample that is to be left out without being an error."""


@runtime_checkable
class Selective(Protocol):
    """A view that does not need all members of a sample."""

    def wants(self, suffix: str) -> bool:
        """Whether it needs the member with this suffix."""
        ...


@dataclass(frozen=True, slots=True)
class SampleError:
    """A sample that could not be read or viewed: its shard, its number in it, and what is wrong, in a line."""

    shard: str
    row: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How samples are read.

    Parameters:
        cache: Where shards of a store are kept; null: nowhere.
        threads: Threads that read ahead; null: 8 for a store, none for a disk.
        most_errors: More samples that cannot be read end the iteration. One that is met again in a later epoch counts once.
        verify: Whether members of tars are compared with their checksums, so that a flipped bit costs the sample: about
            0.3 ms per MB. Shards of earlier versions have none. Parquet files are always compared. Default false.
    """

    cache: Cache | None = None
    threads: int | None = None
    most_errors: int = 100
    verify: bool = False

    def problem(self) -> str:
        """What is wrong with it; else empty."""
        if self.cache is not None and not isinstance(self.cache, Cache):
            return f"access: cache: Cache(folder=...), not {self.cache!r}"
        threads = 0 if self.threads is None else self.threads
        if problem := problem_of("access", {"threads": threads, "most_errors": self.most_errors}, 0):
            return problem
        return "" if isinstance(self.verify, bool) else f"access: verify: true or false, not {self.verify!r}"


@dataclass
class Fetcher:
    """Fetches the samples of a stream in one process."""

    stream: Stream
    view: View | None
    access: Access
    errors: list[SampleError] = field(default_factory=list)
    failed: set[tuple[str, int]] = field(default_factory=set)

    def __post_init__(self) -> None:
        wanted = _wanted(self.view.wants) if isinstance(self.view, Selective) else None
        self.reader = Reader(self.stream.folders, wanted, self.access.cache, self.stream.window, self.access.verify)
        threads = self.access.threads
        self.threads = threads if threads is not None else _THREADS_OF_A_STORE * self.reader.is_remote

    def views(self, micro_batches: Iterable[tuple[range, Sequence[Place]]]) -> Iterator[tuple[range, list[Any]]]:
        """The numbers of each micro-batch, and the views of its samples; those that cannot be read are left out."""
        sizes = list[range]()

        def places() -> Iterator[Place]:
            for numbers, some in micro_batches:
                sizes.append(numbers)
                yield from some

        views, done = ahead(places(), self.guarded_view, self.threads), 0
        batch = list[Any]()
        for view in views:
            done += 1
            if self.noted(view) is not LEFT_OUT:
                batch.append(view)
            if done == len(sizes[0]):
                yield sizes.pop(0), batch
                batch, done = [], 0

    def guarded_view(self, place: Place, view: View | None = None) -> Any:
        """The view of a sample, by default that of the stream, or its error."""
        try:
            result = guarded(lambda: self._view_of(place, view or self.view))
        except DamageError as error:
            result = Failure(str(error))
        if isinstance(result, Failure):
            _, source, _, shard, row = place
            if self.reader.dropped_copy(source, shard):
                return self.guarded_view(place, view)
            return SampleError(self.stream.folders[source].path(shard), row, result.message)
        return result

    def _view_of(self, place: Place, view: View | None) -> Any:
        position, source, epoch, shard, row = place
        members = unflattened(self.reader.members(source, shard, row))
        sample = Sample(members, parsed(members), source, epoch, shard, row, position)
        return sample if view is None else view(sample)

    def noted(self, view: Any) -> Any:
        """The view, or LEFT_OUT for an error, which is noted once for a sample. Raises FatalError if these are too many."""
        if not isinstance(view, SampleError):
            return view
        if (view.shard, view.row) in self.failed:
            return LEFT_OUT
        self.errors.append(view)
        self.failed.add((view.shard, view.row))  # who takes the errors may empty the list
        _log.warning("%s, sample %d: %s", view.shard, view.row, view.message)
        if len(self.failed) > self.access.most_errors:
            raise FatalError(
                f"{len(self.failed)} samples could not be read, more than most_errors allows; "
                f"the last: {view.shard}, sample {view.row}: {view.message}"
            )
        return LEFT_OUT


def _wanted(wants: Wanted) -> Wanted:
    """What a view wants, of all layouts."""
    return lambda suffix: wants(_LIKE.get(suffix, suffix))
