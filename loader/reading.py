"""Reads the members of samples: of local tars by `pread`, of objects by a range per sample, or from the cache.

Parquet files are read by row groups."""

from __future__ import annotations

import logging
import os
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import accumulate
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from interloom.loader.cache import Cache
from interloom.loader.shards import ShardFolder
from interloom.pipeline.errors import DamageError, described
from interloom.pipeline.store import storage
from interloom.schemas.sample_index import Rows

if TYPE_CHECKING:
    from interloom.loader.row_groups import RowGroups

S = TypeVar("S")
T = TypeVar("T")

_log = logging.getLogger("interloom.loader")
_OPEN_FILES = 64
_FETCHERS = 2
Wanted = Callable[[str], bool]
"""Whether the member with this suffix is wanted."""


class Reader:
    """Reads samples of sources. It belongs to one process; threads may share it.

    Parameters:
        folders: The sources.
        wanted: Which members are read; null: all.
        cache: Where shards of a store are kept; null: nowhere, and only what is wanted is read.
        window: Row groups of a Parquet source that are read together.
    """

    def __init__(self, folders: Sequence[ShardFolder], wanted: Wanted | None, cache: Cache | None, window: int) -> None:
        self._folders, self._wanted, self._cache = folders, wanted, cache
        self._row_groups = {folder.url: _row_groups(window, wanted) for folder in folders if folder.is_parquet}
        self._files, self._lock = dict[str, _OpenFile](), Lock()
        self._fetched = dict[str, Future[str | None]]()
        self._has_warned = False
        self._fetcher = ThreadPoolExecutor(_FETCHERS) if cache else None

    @property
    def is_remote(self) -> bool:
        """Whether some source lies in a store, so that reading ahead is worth it."""
        return any(storage.is_remote(folder.url) for folder in self._folders)

    def close(self) -> None:
        """Ends fetching, and closes files that nobody reads."""
        self._files.clear()
        if self._fetcher is not None:
            self._fetcher.shutdown(cancel_futures=True)

    def members(self, source: int, shard: int, row: int) -> dict[str, bytes]:
        """The members of a sample by suffix. Raises DamageError if the shard is not what its index says."""
        folder = self._folders[source]
        rows, numbers = folder.rows(shard)
        path = folder.path(shard)
        if row >= len(numbers):
            raise DamageError(path, f"it has {len(numbers)} samples, the index of shards says more than {row}")
        if folder.is_parquet:
            return self._row_of_parquet(folder, shard, rows.groups, numbers[row])
        first, last = rows.first[numbers[row]], rows.first[numbers[row] + 1]
        chosen: Sequence[int] = range(first, last)
        if self._wanted is not None:
            chosen = [member for member in chosen if self._wanted(rows.suffixes[rows.codes[member]])]
        if not storage.is_remote(path):
            return _from_file(self._opened(path), rows, chosen)
        file = self._cached(folder, shard)
        if file is not None and self._cache is not None:
            try:
                return _from_file(file, rows, chosen)
            except DamageError:
                self._forget(path, file.path)
                self._cache.drop(file.path)
        return _from_store(path, rows, chosen)

    def _row_of_parquet(self, folder: ShardFolder, shard: int, groups: Sequence[int], number: int) -> dict[str, bytes]:
        from interloom.loader.row_groups import ParquetFile

        ends = list(accumulate(groups))
        group = bisect_right(ends, number)
        file = ParquetFile(folder.path(shard), int(folder.sizes[shard]), partial(self._range, folder, shard))
        return self._row_groups[folder.url].members(file, group, number - ends[group] + groups[group])

    def _range(self, folder: ShardFolder, shard: int, offset: int, size: int) -> bytes:
        """Bytes of a shard, from the cache if it is there."""
        path = folder.path(shard)
        file = self._cached(folder, shard) if storage.is_remote(path) else None
        if file is not None and self._cache is not None:
            content = os.pread(file.handle, size, offset)
            if len(content) == size:
                return content
            self._forget(path, file.path)
            self._cache.drop(file.path)
        return storage.read_range(path, offset, size)

    def _opened(self, path: str) -> _OpenFile:
        with self._lock:
            file = self._files.get(path)
            if file is None:
                file = self._files[path] = _OpenFile(path)
                if len(self._files) > _OPEN_FILES:
                    del self._files[next(iter(self._files))]
        return file

    def _cached(self, folder: ShardFolder, shard: int) -> _OpenFile | None:
        """The shard in the cache. If it is not there, it is fetched while others read what they need from the store."""
        if self._cache is None or self._fetcher is None:
            return None
        path = folder.path(shard)
        with self._lock:
            future = self._fetched.get(path)
            if future is None:
                sha256 = folder.index.sha256(shard)
                self._fetched[path] = self._fetcher.submit(self._cache.local_copy, path, int(folder.sizes[shard]), sha256)
                return None
        if not future.done():
            return None
        error = future.exception()
        local = None if error else future.result()
        if local:
            with suppress(FileNotFoundError):
                return self._opened(local)
        self._forget(path, local)  # the copy is gone, or could not be made: the next who needs it tries again
        if error and not self._has_warned:
            self._has_warned = True
            _log.warning("%s: it does not get into the cache (%s); samples are read from the store", path, described(error))
        return None

    def _forget(self, path: str, local: str | None) -> None:
        with self._lock:
            self._fetched.pop(path, None)
            self._files.pop(local or "", None)


def _row_groups(window: int, wanted: Wanted | None) -> RowGroups:
    """Row groups of a source: those of its window, and one more where a window follows another."""
    from interloom.loader.row_groups import RowGroups

    return RowGroups(max(window, 1) + 1, wanted)


class _OpenFile:
    """A file that stays open as long as somebody has it, even if it is removed."""

    def __init__(self, path: str) -> None:
        self.path, self.handle = path, -1
        self.handle = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))

    def __del__(self) -> None:
        if self.handle >= 0:
            os.close(self.handle)


def _from_file(file: _OpenFile, rows: Rows, chosen: Sequence[int]) -> dict[str, bytes]:
    offsets, sizes, codes, suffixes, handle = rows.offsets, rows.sizes, rows.codes, rows.suffixes, file.handle
    members = {suffixes[codes[n]]: os.pread(handle, sizes[n], offsets[n]) for n in chosen}
    for n in chosen:
        if len(members[suffixes[codes[n]]]) != sizes[n]:
            raise DamageError(file.path, f"it ends before {offsets[n] + sizes[n]} bytes")
    return members


def _from_store(path: str, rows: Rows, chosen: Sequence[int]) -> dict[str, bytes]:
    """By one range over all of them: between members lies a header."""
    if not chosen:
        return {}
    begin, end = rows.offsets[chosen[0]], rows.offsets[chosen[-1]] + rows.sizes[chosen[-1]]
    data = storage.read_range(path, begin, end - begin)
    starts = [(n, rows.offsets[n] - begin) for n in chosen]
    return {rows.suffixes[rows.codes[n]]: data[start : start + rows.sizes[n]] for n, start in starts}


def ahead(items: Iterable[S], call: Callable[[S], T], threads: int) -> Iterator[T]:
    """What the call returns for each item, in order; with threads it is called for the next items, too (four per thread)."""
    if threads < 1:
        yield from map(call, items)
        return
    with ThreadPoolExecutor(threads) as pool:
        pending = deque[Future[T]]()
        try:
            for item in items:
                pending.append(pool.submit(call, item))
                if len(pending) > 4 * threads:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
