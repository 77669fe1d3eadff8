"""Reads the members of samples: of local tars by `pread`, of objects by a range per sample, or from the cache.

Parquet files are read by row groups."""

from __future__ import annotations

import os
import zlib
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING, TypeVar

from interloom.loader.cache import Cache
from interloom.loader.local_copies import LocalCopies, OpenFile, OpenFiles
from interloom.loader.shards import ShardFolder
from interloom.pipeline.errors import DamageError
from interloom.pipeline.store import storage
from interloom.schemas.sample_index import Rows

if TYPE_CHECKING:
    from interloom.loader.row_groups import RowGroups

S = TypeVar("S")
T = TypeVar("T")
Wanted = Callable[[str], bool]
"""Whether the member with this suffix is wanted."""


class Reader:
    """Reads samples of sources. It belongs to one process; threads may share it.

    Parameters:
        folders: The sources.
        wanted: Which members are read; null: all.
        cache: Where shards of a store are kept; null: nowhere, and only what is wanted is read.
        window: Row groups of a Parquet source that are read together.
        verify: Whether members of tars are compared with their checksums.
    """

    def __init__(
        self, folders: Sequence[ShardFolder], wanted: Wanted | None, cache: Cache | None, window: int, verify: bool
    ) -> None:
        self._verify = verify
        self._folders, self._wanted, self._files = folders, wanted, OpenFiles()
        self._row_groups = {folder.url: _row_groups(window, wanted) for folder in folders if folder.is_parquet}
        self._copies = LocalCopies(cache, self._files) if cache else None

    @property
    def is_remote(self) -> bool:
        """Whether some source lies in a store, so that reading ahead is worth it."""
        return any(storage.is_remote(folder.url) for folder in self._folders)

    def close(self) -> None:
        """Ends fetching, and closes files that nobody reads."""
        self._files.clear()
        if self._copies is not None:
            self._copies.close()

    def members(self, source: int, shard: int, row: int) -> dict[str, bytes]:
        """The members of a sample by suffix. Raises DamageError if the shard is not what its index says."""
        folder = self._folders[source]
        rows, numbers = folder.rows(shard)
        if row >= len(numbers):
            path = folder.path(shard)
            raise DamageError(path, f"it has {len(numbers)} samples, the index of shards says more than {row}")
        if folder.is_parquet:
            return self._row_of_parquet(folder, shard, rows, numbers[row])
        first, last = rows.first[numbers[row]], rows.first[numbers[row] + 1]
        chosen: Sequence[int] = range(first, last)
        if self._wanted is not None:
            chosen = [member for member in chosen if self._wanted(rows.suffixes[rows.codes[member]])]
        if not folder.is_remote:
            members = _from_file(self._files.opened(folder.path(shard)), rows, chosen)
        else:
            members = self._from_store(folder, shard, rows, chosen)
        if self._verify and rows.checks:
            _verify(members, rows, chosen, folder.path(shard))
        return members

    def dropped_copy(self, source: int, shard: int) -> bool:
        """Whether there was a copy of the shard that is not what the shard is. It goes, and is fetched again."""
        folder = self._folders[source]
        if self._copies is None or not folder.is_remote or not self._copies.dropped(folder, shard):
            return False
        if folder.is_parquet:
            self._row_groups[folder.url].forget(folder.path(shard))
        return True

    def _row_of_parquet(self, folder: ShardFolder, shard: int, rows: Rows, number: int) -> dict[str, bytes]:
        from interloom.loader.row_groups import ParquetFile

        groups, ends = rows.groups, list(accumulate(rows.groups))
        group = bisect_right(ends, number)
        path, crc32 = folder.path(shard), next(iter(rows.checks), None)
        file = ParquetFile(path, int(folder.sizes[shard]), partial(self._range, folder, shard), crc32)
        return self._row_groups[folder.url].members(file, group, number - ends[group] + groups[group])

    def _from_store(self, folder: ShardFolder, shard: int, rows: Rows, chosen: Sequence[int]) -> dict[str, bytes]:
        """By one range over all of them: between members lies a header."""
        if not chosen:
            return {}
        begin, end = rows.offsets[chosen[0]], rows.offsets[chosen[-1]] + rows.sizes[chosen[-1]]
        data = self._range(folder, shard, begin, end - begin)
        starts = [(n, rows.offsets[n] - begin) for n in chosen]
        return {rows.suffixes[rows.codes[n]]: data[start : start + rows.sizes[n]] for n, start in starts}

    def _range(self, folder: ShardFolder, shard: int, offset: int, size: int) -> bytes:
        """Bytes of a shard, from the cache if it is there. A copy that is cut is lost."""
        path = folder.path(shard)
        if self._copies is None or not folder.is_remote:
            return storage.read_range(path, offset, size)
        file = self._copies.opened(folder, shard)
        if file is not None:
            content = os.pread(file.handle, size, offset)
            if len(content) == size:
                return content
            self._copies.lost(path, file)
        self._copies.read_from_store(path, size)
        return storage.read_range(path, offset, size)


def _row_groups(window: int, wanted: Wanted | None) -> RowGroups:
    """Row groups of a source: those of its window, and one more where a window follows another."""
    from interloom.loader.row_groups import RowGroups

    return RowGroups(max(window, 1) + 1, wanted)


def _verify(members: Mapping[str, bytes], rows: Rows, chosen: Sequence[int], path: str) -> None:
    for n in chosen:
        if zlib.crc32(members[rows.suffixes[rows.codes[n]]]) != rows.checks[n]:
            raise DamageError(path, f"the checksum of a member is wrong, at {rows.offsets[n]}")


def _from_file(file: OpenFile, rows: Rows, chosen: Sequence[int]) -> dict[str, bytes]:
    offsets, sizes, codes, suffixes, handle = rows.offsets, rows.sizes, rows.codes, rows.suffixes, file.handle
    members = {suffixes[codes[n]]: os.pread(handle, sizes[n], offsets[n]) for n in chosen}
    for n in chosen:
        if len(members[suffixes[codes[n]]]) != sizes[n]:
            raise DamageError(file.path, f"it ends before {offsets[n] + sizes[n]} bytes")
    return members


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
