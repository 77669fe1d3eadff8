"""Rows on their way to where rows of the same key meet: files of segments, one segment for each range of keys.

Every row has a `key` (uint64) and an `order` (int64); what is written and read is sorted by both. The range of a row is the
upper bits of its key: 6 bits at level 0, so 64 ranges, 12 bits at level 1, and so on. A reader fetches a segment by its place
in the file and checks it against its checksum.

A segment is an Arrow stream that is compressed as a whole. A table of documents has about 150 buffers; where Arrow compresses
each of them by itself, a segment of a few rows takes 10 to 18 times as long, and one of 270 rows 2.5 to 4 times.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from interloom.pipeline.store import storage
from interloom.pipeline.store.checked_range import opener
from interloom.pipeline.store.merging import KEY, column, merged

Keys = npt.NDArray[np.uint64]

LEVEL_BITS = 6
"""One level cuts a range of the level above into 2**LEVEL_BITS finer ones."""
MOST_LEVELS = 64 // LEVEL_BITS
_BATCH_BYTES = 512 << 10
"""Rows of a segment are written, and later held in memory, in batches of about this size. Our choice."""
_BATCH_ROWS = 64 << 10
MOST_SEGMENTS = 64
"""So many files are merged at a time. Our choice."""
RANGE_BYTES = 256 << 20
"""A larger range is cut into finer ones. Compressed bytes; our choice."""
_CODEC = "zstd"


@dataclass(frozen=True, slots=True)
class Segment:
    """Rows of one range in a file: its place and checksum, how many rows, the first and the last key, and the sums of the columns
    that the writer was told to add up (`weights`)."""

    path: str
    offset: int
    size_bytes: int
    crc32: int
    rows: int
    first_key: int
    last_key: int
    weights: tuple[int, ...] = ()


def segments_from_json(values: Sequence[Mapping[str, Any]]) -> tuple[Segment, ...]:
    """The segments that `asdict` described."""
    return tuple(Segment(**{**segment, "weights": tuple(segment["weights"])}) for segment in values)


def range_of(keys: Keys, level: int) -> npt.NDArray[np.int64]:
    """The range of each key. Level 0: key 2**63 -> 32."""
    return (keys >> np.uint64(64 - LEVEL_BITS * (level + 1))).astype(np.int64)


@dataclass(slots=True)
class SegmentWriter:
    """Writes sorted rows to a local file, a segment for each range of `level`. `weights` are columns to add up."""

    file: Path
    level: int
    weights: Sequence[str] = ()
    segments: dict[int, Segment] = field(default_factory=dict)
    _data: BinaryIO | None = None
    _open: _OpenSegment | None = None

    def add(self, rows: pa.Table) -> None:
        """Adds rows that come after those added before."""
        ranges = range_of(column(rows, KEY), self.level)
        starts = np.flatnonzero(np.diff(ranges, prepend=-1))
        for first, after in zip(starts, [*starts[1:], len(ranges)], strict=True):
            self._segment(int(ranges[first]), rows.schema).add(rows.slice(first, after - first))

    def _segment(self, number: int, schema: pa.Schema) -> _OpenSegment:
        if self._data is None:
            self._data = self.file.open("wb")
        if self._open is None or self._open.number != number:
            self._end_segment()
            self._open = _OpenSegment(number, schema, self._data, self.weights)
        return self._open

    def _end_segment(self) -> None:
        if self._open is not None:
            self.segments[self._open.number] = self._open.close()

    def close(self) -> None:
        """Ends the file. Without rows there is none."""
        self._end_segment()
        if self._data is not None:
            self._data.close()

    def at(self, path: str) -> dict[int, Segment]:
        """The segments by range, when the file has been stored at `path`."""
        return {number: replace(segment, path=path) for number, segment in self.segments.items()}


class _OpenSegment:
    """A segment that is being written; rows are gathered to batches of about _BATCH_BYTES."""

    def __init__(self, number: int, schema: pa.Schema, data: BinaryIO, weights: Sequence[str]) -> None:
        self.number = number
        self._sink, self._offset = _Summed(data), data.tell()
        self._compressed = pa.CompressedOutputStream(pa.PythonFile(self._sink, "w"), _CODEC)
        self._writer = pa.ipc.new_stream(self._compressed, schema)
        self._weights = dict.fromkeys(weights, 0)
        self._rows = self._waiting_bytes = 0
        self._first_key: int | None = None
        self._last_key = 0
        self._waiting: list[pa.Table] = []

    def add(self, rows: pa.Table) -> None:
        self._first_key = rows[KEY][0].as_py() if self._first_key is None else self._first_key
        self._last_key = rows[KEY][-1].as_py()
        self._rows += rows.num_rows
        for name in self._weights:
            self._weights[name] += int(pc.sum(rows[name]).as_py() or 0)
        self._waiting.append(rows)
        self._waiting_bytes += rows.nbytes
        if self._waiting_bytes >= _BATCH_BYTES:
            self._flush()

    def _flush(self) -> None:
        if not self._waiting:
            return
        rows = pa.concat_tables(self._waiting).combine_chunks()
        size = max(1, min(_BATCH_ROWS, rows.num_rows * _BATCH_BYTES // max(self._waiting_bytes, 1)))
        self._writer.write_table(rows, max_chunksize=size)
        self._waiting, self._waiting_bytes = [], 0

    def close(self) -> Segment:
        self._flush()
        self._writer.close()
        self._compressed.close()
        return Segment(
            path="",
            offset=self._offset,
            size_bytes=self._sink.size,
            crc32=self._sink.crc32,
            rows=self._rows,
            first_key=self._first_key or 0,
            last_key=self._last_key,
            weights=tuple(self._weights.values()),
        )


class _Summed:
    """Passes bytes on to a file and sums them up: how many, and their crc32."""

    closed = False

    def __init__(self, data: BinaryIO) -> None:
        self._data, self.size, self.crc32 = data, 0, 0

    def write(self, data: Any) -> int:
        view = memoryview(data)
        self.crc32 = zlib.crc32(view, self.crc32)
        self.size += view.nbytes
        return self._data.write(view)

    def tell(self) -> int:
        return self.size

    def flush(self) -> None:
        """The file is flushed when it is closed."""

    def close(self) -> None:
        """The file stays open for the next segment."""


def read_segment(run: str, segment: Segment, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """The rows of a segment, or these columns of them, batch by batch. Raises UnitError if it is not what was written."""
    path = storage.join(run, segment.path)
    open_file = opener(path, segment.offset, segment.size_bytes, segment.crc32)
    with open_file() as data, pa.ipc.open_stream(pa.CompressedInputStream(data, _CODEC)) as stream:
        for batch in stream:
            table = pa.Table.from_batches([batch])
            yield table.select(columns) if columns else table


@dataclass(frozen=True, slots=True)
class Range:
    """A range of keys with the segments that have rows in it."""

    level: int
    number: int
    segments: tuple[Segment, ...]

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        return cls(values["level"], values["number"], segments_from_json(values["segments"]))

    @property
    def first_key(self) -> int:
        """The least key that belongs to the range."""
        return self.number << (64 - LEVEL_BITS * (self.level + 1))

    @property
    def rows(self) -> int:
        return sum(segment.rows for segment in self.segments)

    @property
    def size_bytes(self) -> int:
        return sum(segment.size_bytes for segment in self.segments)

    def weight(self, number: int) -> int:
        """The sum of one of the columns that were added up."""
        return sum(segment.weights[number] for segment in self.segments)

    @property
    def end_key(self) -> int:
        """The least key above all that belong to the range."""
        return (self.number + 1) << (64 - LEVEL_BITS * (self.level + 1))

    def must_be_cut(self, most_bytes: int = RANGE_BYTES, most_weight: int | None = None) -> bool:
        """Whether it lies in too many files to merge at a time, or is too large: in bytes, or in its first weight. A range of a
        single key cannot be cut."""
        keys = {key for segment in self.segments for key in (segment.first_key, segment.last_key)}
        too_large = self.size_bytes > most_bytes or (most_weight is not None and self.weight(0) > most_weight)
        must = (too_large and len(keys) > 1) or len(self.segments) > MOST_SEGMENTS
        return must and self.level + 1 < MOST_LEVELS

    def read(self, run: str, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """Its rows, or these columns of them (key and order among them), by key and order."""
        return merged(read_segment(run, segment, columns) for segment in self.segments)


def by_range(level: int, segments: Iterable[tuple[int, Segment]]) -> list[Range]:
    """The ranges of a level that have rows, in order."""
    by_number: dict[int, list[Segment]] = {}
    for number, segment in segments:
        by_number.setdefault(number, []).append(segment)
    return [Range(level, number, tuple(by_number[number])) for number in sorted(by_number)]
