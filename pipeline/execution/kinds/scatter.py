"""The text rows of documents, sorted into ranges of the shuffle's keys: what units of sinks read, each its own ranges.

Units of level 0 take packs of parts. Where a range then lies in too many files, or is too large for a unit below, units of
level 1 cut it into finer ranges, and so on. So a file is opened by a bounded number of units, however many documents there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import pyarrow as pa

from interloom.pipeline.execution import levels
from interloom.pipeline.execution import units as any_units
from interloom.pipeline.execution.shuffle import WEIGHTS, with_order
from interloom.pipeline.execution.step import Record
from interloom.pipeline.execution.units import FinishedPhases
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.store.commits import Commit
from interloom.pipeline.store.exchange import Range, Segment, segments_from_json
from interloom.pipeline.store.merging import sorted_rows
from interloom.pipeline.store.parts import StoredFile, TableRef, UnitFolder
from interloom.pipeline.store.tables import read_stored

PACK_BYTES = 48 << 20
"""About the text and fields of a unit of level 0, which it holds and sorts. Our choice."""
RANGE_SIZE = 1 << 30
"""A range with more bytes of shards is cut into finer ones, so that writing a shard reads few rows of others. Our choice."""
_DOCUMENT_BYTES = 1000  # of a document without its text


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit(any_units.Unit):
    """At level 0 parts of documents; at the levels above, segments of one range of the level before."""

    level: int = 0
    parts: tuple[TableRef, ...] = ()
    segments: tuple[Segment, ...] = ()

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        parts = tuple(map(TableRef.from_json, values["parts"]))
        return cls(id=values["id"], level=values["level"], parts=parts, segments=segments_from_json(values["segments"]))


def units(phase: Phase, finished: FinishedPhases) -> Iterator[Unit | None]:
    """Units of level 0 as the parts become known, then, level by level, units for the ranges that must be cut."""
    count = 0
    for pack in levels.packs(finished.follow(phase.inputs, "documents"), _size, PACK_BYTES):
        yield Unit(parts=pack).identified(phase) if pack else None
        count += bool(pack)
    committed, results = partial(finished.count_so_far, phase.name), partial(finished.results_so_far, phase.name)
    for cut in levels.cuts(count, committed, results, _must_be_cut):
        yield Unit(level=cut[0], segments=cut[1]).identified(phase) if cut else None


def _size(file: StoredFile) -> int:
    return sum(segment.characters + _DOCUMENT_BYTES * segment.rows for segment in file.segments)


def _must_be_cut(range_: Range) -> bool:
    return range_.must_be_cut(most_weight=RANGE_SIZE)


def ranges(commits: Sequence[Commit]) -> list[Range]:
    """The ranges of all rows, in the order of their keys."""
    return levels.whole_ranges([commit.result for commit in commits], _must_be_cut)


def run(phase: Phase, unit: Unit, folder: UnitFolder, record: Record) -> Mapping[str, Any]:
    """Stores the rows in one file, sorted. The result has the place of each range in it."""
    if not unit.parts:
        return levels.store_sorted(folder, unit.level, levels.merge_segments(folder.run, unit.segments), WEIGHTS)
    rows = sorted_rows(pa.concat_tables([_ordered(phase, folder.run, part) for part in unit.parts]))
    return levels.store_sorted(folder, unit.level, [rows], WEIGHTS)


def _ordered(phase: Phase, run: str, part: TableRef) -> pa.Table:
    return with_order(read_stored(run, part), phase.seed, part.ordinal)
