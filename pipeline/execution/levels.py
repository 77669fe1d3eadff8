"""Levels of an exchange: units sort rows into files of segments, and units of further levels cut ranges into finer ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pyarrow as pa

from interloom.pipeline.store import exchange
from interloom.pipeline.store.exchange import Range, Segment, SegmentWriter, by_range, read_segment, segments_from_json
from interloom.pipeline.store.merging import merged
from interloom.pipeline.store.parts import UnitFolder

Result = Mapping[str, Any]
"""Of a unit that stored rows: its level and, in `ranges` and `segments`, the places of its ranges."""
MustBeCut = Callable[[Range], bool]


def store_sorted(folder: UnitFolder, level: int, tables: Iterable[pa.Table], weights: Sequence[str] = ()) -> Result:
    """Stores rows that come sorted in one file, with a segment for each range of the level."""
    file = folder.local / "exchange"
    writer = SegmentWriter(file, level, weights)
    for rows in tables:
        if rows.num_rows:
            writer.add(rows)
    writer.close()
    if not writer.segments:
        return {"level": level, "ranges": [], "segments": []}
    count = sum(segment.rows for segment in writer.segments.values())
    found = writer.at(folder.store_file("exchange", file, count))
    return {"level": level, "ranges": list(found), "segments": [asdict(segment) for segment in found.values()]}


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
    files = ((result["ranges"], segments_from_json(result["segments"])) for result in results if result["level"] == level)
    return by_range(level, (pair for numbers, segments in files for pair in zip(numbers, segments, strict=True)))


def whole_ranges(results: Sequence[Result], must_be_cut: MustBeCut) -> list[Range]:
    """The ranges with rows, each at the finest level to which it was cut, in the order of their keys. Together they hold every
    row once."""
    levels = {result["level"] for result in results}
    whole = [found for level in levels for found in ranges_at(results, level) if not must_be_cut(found)]
    return sorted(whole, key=lambda found: found.first_key)
