"""Reads samples of Parquet shards by row groups, which are held while they are read. It imports pyarrow.

A row group is read by a range for each run of columns, and decoded once as long as it is held. Samples are those that
`stages.write_webdataset` writes of the same documents; columns of media are not read if no member of theirs is wanted.
"""

from __future__ import annotations

import io
import logging
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.parquet as pq

from interloom.loader.row_samples import WITHOUT_MEDIA, Samples, is_media, samples_of
from interloom.pipeline.errors import DamageError, described
from interloom.schemas.shard_index import ReadRange

_log = logging.getLogger("interloom.loader")
_FOOTER = 64 << 10
"""Bytes at the end of a file that are read for its footer; a longer one is read once more."""
_MAGIC = b"PAR1"
_END = 4 + len(_MAGIC)
"""Bytes of the size of the footer and of what ends the file."""
_FOOTERS = 64
_FEW = 4
"""Samples of a row group: for fewer its reading is not worth it. Our choice."""
_GROUPS_OF_A_WARNING = 4
"""Times as many row groups as are held are read before it is judged how many samples they were read for. Our choice."""
_LARGEST_GAP = 256 << 10
"""Bytes that are read rather than asking twice. Our choice."""


@dataclass(frozen=True, slots=True)
class ParquetFile:
    """A shard: its path, its size in bytes, how its bytes are read, and the checksum of its footer (null: not known)."""

    path: str
    size: int
    read: ReadRange
    footer_crc32: int | None = None


@dataclass(slots=True)
class _Held:
    """A row group, or why it cannot be read: the thread that comes first reads it, the others wait."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    samples: Samples | None = None
    damage: DamageError | None = None

    def read(self, call: Callable[[], Samples]) -> Samples:
        with self.lock:
            if self.damage is not None:
                raise self.damage
            if self.samples is None:
                try:
                    self.samples = call()
                except DamageError as error:
                    self.damage = error
                    raise
            return self.samples


class RowGroups:
    """The row groups of a source that were used last. Threads may share it.

    Parameters:
        most: Row groups that are held.
        wanted: Which members of samples are read; null: all.
    """

    def __init__(self, most: int, wanted: Callable[[str], bool] | None) -> None:
        self._most, self._wanted = most, wanted
        self._held, self._lock = OrderedDict[tuple[str, int, bool], _Held](), threading.Lock()
        self._footers = dict[str, pq.FileMetaData]()
        self._samples_given = self._groups_read = 0

    def members(self, file: ParquetFile, group: int, row: int) -> dict[str, bytes]:
        """The members of the sample in a row of a row group. Raises DamageError if it cannot be read, ConfigError for a file that
        `stages.write_parquet` has not written."""
        self._samples_given += 1
        members = dict(self._samples(file, group, self._wanted is None)(row).members)
        if self._wanted is None:
            return members
        chosen = [suffix for suffix in members if self._wanted(suffix)]
        if any(suffix not in WITHOUT_MEDIA for suffix in chosen):
            members = dict(self._samples(file, group, True)(row).members)
        return {suffix: members[suffix] for suffix in chosen}

    def forget(self, path: str) -> None:
        """What has been read of a file is read anew."""
        with self._lock:
            self._footers.pop(path, None)
            for key in [key for key in self._held if key[0] == path]:
                del self._held[key]

    def _samples(self, file: ParquetFile, group: int, media: bool) -> Samples:
        key = (file.path, group, media)
        with self._lock:
            held = self._held.setdefault(key, _Held())
            self._held.move_to_end(key)
            if len(self._held) > self._most:
                self._held.popitem(last=False)
        return held.read(lambda: self._read(file, group, media))

    def _read(self, file: ParquetFile, group: int, media: bool) -> Samples:
        self._groups_read += 1
        if self._groups_read == _GROUPS_OF_A_WARNING * self._most and self._samples_given < self._groups_read * _FEW:
            _log.warning(
                "%s: a row group is read for every %.1f samples that this process gives; see docs/loader.md, or train from tars",
                file.path,
                self._samples_given / self._groups_read,
            )
        return samples_of(read_group(file, self._footer(file), group, media), file.path)

    def _footer(self, file: ParquetFile) -> pq.FileMetaData:
        with self._lock:
            footer = self._footers.get(file.path)
        if footer is None:
            footer = footer_of(file)
            with self._lock:
                self._footers[file.path] = footer
                if len(self._footers) > _FOOTERS:
                    del self._footers[next(iter(self._footers))]
        return footer


def read_group(file: ParquetFile, metadata: pq.FileMetaData, group: int, media: bool) -> pa.Table:
    """The rows of a row group, without the bytes of media if these are not wanted."""
    if group >= metadata.num_row_groups:
        raise DamageError(file.path, f"it has {metadata.num_row_groups} row groups, its index says more")
    schema = metadata.schema.to_arrow_schema()
    paths = [metadata.schema.column(number).path for number in range(metadata.num_columns)]
    chosen = [number for number, path in enumerate(paths) if media or not is_media(path)]
    ranges = _merged([_range(metadata.row_group(group).column(number)) for number in chosen])
    source = _Pieces(file.size, [(begin, file.read(begin, end - begin)) for begin, end in ranges])
    try:
        parquet = pq.ParquetFile(pa.PythonFile(source, mode="r"), metadata=metadata, page_checksum_verification=True)
        table = parquet.read_row_group(group, [paths[number] for number in chosen], use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise DamageError(file.path, f"row group {group}: {described(error)}") from error
    return table.replace_schema_metadata(schema.metadata)


def rows_of_groups(file: ParquetFile) -> list[int]:
    """The number of rows of each row group."""
    metadata = footer_of(file)
    return [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]


def footer_of(file: ParquetFile) -> pq.FileMetaData:
    """What a shard says of its row groups, by one range, or two if it says much. Raises DamageError if it does not."""
    length = min(_FOOTER, file.size)
    tail = file.read(file.size - length, length)
    needed = int.from_bytes(tail[-_END : -len(_MAGIC)], "little") + _END
    if tail[-len(_MAGIC) :] != _MAGIC or needed > file.size:
        raise DamageError(file.path, "it does not end as a Parquet file")
    tail = tail[-needed:] if needed <= length else file.read(file.size - needed, needed)
    if file.footer_crc32 not in (None, zlib.crc32(tail)):
        raise DamageError(file.path, "its footer is not that which its index knows")
    try:
        return pq.read_metadata(pa.BufferReader(tail))
    except (pa.ArrowException, OSError) as error:
        raise DamageError(file.path, f"its footer: {described(error)}") from error


def _range(column: pq.ColumnChunkMetaData) -> tuple[int, int]:
    """Where the pages of a column of a row group lie."""
    dictionary = column.dictionary_page_offset
    begin = column.data_page_offset if dictionary is None else min(dictionary, column.data_page_offset)
    return begin, begin + column.total_compressed_size


def _merged(ranges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges that lie close together as one."""
    merged = list[tuple[int, int]]()
    for begin, end in sorted(ranges):
        if merged and begin - merged[-1][1] <= _LARGEST_GAP:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((begin, end))
    return merged


class _Pieces(io.RawIOBase):
    """A file of which some ranges are there."""

    def __init__(self, size: int, pieces: Sequence[tuple[int, bytes]]) -> None:
        self._size, self._pieces, self._at = size, pieces, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def read(self, size: int = -1) -> memoryview:  # Arrow takes what is not copied
        for begin, content in self._pieces:
            if begin <= self._at < begin + len(content):
                piece = memoryview(content)[self._at - begin : self._at - begin + size]
                self._at += len(piece)
                return piece
        raise OSError(f"a byte that no column has, at {self._at}")
