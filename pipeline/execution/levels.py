"""Levels of an exchange: units sort rows into files of segments, and units of further levels cut ranges into finer ones."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from interloom.pipeline.store import exchange
from interloom.pipeline.store.exchange import Range, Segment, SegmentWriter, by_range, read_segment
from interloom.pipeline.store.merging import merged
from interloom.pipeline.store.parts import StoredFile, TableRef, UnitFolder

Result = Mapping[str, Any]
"""Of a unit that stored rows: its `level`, the `path` of its file and, in `segments`, the places of its `count` ranges: base64 of
a row of unsigned 64-bit numbers for each. The driver keeps the results of all units, so they are small."""
_NUMBERS = ("offset", "size_bytes", "crc32", "rows", "first_key", "last_key")
MustBeCut = Callable[[Range], bool]


def packs(
    files: Iterable[StoredFile | None], size: Callable[[StoredFile], int], most_bytes: int
) -> Iterator[tuple[TableRef, ...]]:
    """Consecutive tables for units of level 0. Yields an empty pack when the next one is not known yet.

    Parameters:
        files: Stored tables in order; None when the next one is not known yet.
        size: How large the rows of one are, in bytes.
        most_bytes: Tables of a pack are not larger together; a larger one is a pack of its own.
    """
    pack: list[TableRef] = []
    packed_bytes, ordinal = 0, 0
    for file in files:
        if file is None:
            yield ()
            continue
        if pack and packed_bytes + size(file) > most_bytes:
            yield tuple(pack)
            pack, packed_bytes = [], 0
        pack.append(TableRef.to(file, ordinal))
        packed_bytes, ordinal = packed_bytes + size(file), ordinal + 1
    if pack:
        yield tuple(pack)


def store_sorted(folder: UnitFolder, level: int, tables: Iterable[pa.Table], weights: Sequence[str] = ()) -> Result:
    """Stores rows that come sorted in one file, with a segment for each range of the level."""
    file = folder.local / "exchange"
    writer = SegmentWriter(file, level, weights)
    for rows in tables:
        if rows.num_rows:
            writer.add(rows)
    writer.close()
    if not writer.segments:
        return {"level": level, "path": "", "count": 0, "segments": ""}
    count = sum(segment.rows for segment in writer.segments.values())
    path = folder.store_file("exchange", file, count)
    return {"level": level, "path": path, "count": len(writer.segments), "segments": _packed(writer.segments)}


def _packed(segments: Mapping[int, Segment]) -> str:
    rows = [(number, *(getattr(segment, name) for name in _NUMBERS), *segment.weights) for number, segment in segments.items()]
    return base64.b64encode(np.array(rows, "<u8").tobytes()).decode()


def _unpacked(result: Result) -> Iterator[tuple[int, Segment]]:
    """The segments of a file, each with the number of its range."""
    numbers = np.frombuffer(base64.b64decode(result["segments"]), "<u8")
    for number, *row in numbers.reshape(result["count"], -1).tolist() if len(numbers) else ():
        known, weights = row[: len(_NUMBERS)], row[len(_NUMBERS) :]
        yield number, Segment(result["path"], **dict(zip(_NUMBERS, known, strict=True)), weights=tuple(weights))


def merge_segments(run: str, segments: Sequence[Segment]) -> Iterator[pa.Table]:
    """The rows of all segments, by key and order."""
    return merged(read_segment(run, segment) for segment in segments)


def cuts(
    sent: int, committed: Callable[[], int], results: Callable[[], Sequence[Result]], must_be_cut: MustBeCut
) -> Iterator[tuple[int, tuple[Segment, ...]] | None]:
    """The units that cut ranges, level by level: (level, segments of one range of the level before). Yields None while units are
    not committed.

    Parameters:
        sent: How many units sort rows at level 0.
        committed: How many units are committed so far, those that send first.
        results: Their results, in their order.
        must_be_cut: Whether a range is to be cut.
    """
    count, level, known = sent, 0, -1
    while known != count:
        known = count
        while committed() < count:
            yield None
        level += 1
        for coarse in ranges_at(results(), level - 1):
            for first in range(0, len(coarse.segments) if must_be_cut(coarse) else 0, exchange.MOST_SEGMENTS):
                yield level, coarse.segments[first : first + exchange.MOST_SEGMENTS]
                count += 1


def ranges_at(results: Sequence[Result], level: int) -> list[Range]:
    """The ranges of a level that have rows, in order."""
    return by_range(level, (segment for result in results if result["level"] == level for segment in _unpacked(result)))


def whole_ranges(results: Sequence[Result], must_be_cut: MustBeCut) -> list[Range]:
    """The ranges with rows, each at the finest level to which it was cut, in the order of their keys. Together they hold every
    row once."""
    levels = {result["level"] for result in results}
    whole = [range_ for level in levels for range_ in ranges_at(results, level) if not must_be_cut(range_)]
    return sorted(whole, key=lambda range_: range_.first_key)
