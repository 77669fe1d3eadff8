"""Verdicts of a global step on their way back to documents: sorted by part, in ranges so small that a unit below reads little."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import numpy as np
import pyarrow as pa

from interloom.pipeline.execution import levels
from interloom.pipeline.execution.kinds.exchange import Unit, keyed_by_part, packs, result_files
from interloom.pipeline.execution.parts_of_ranges import keys_in_order
from interloom.pipeline.execution.step import Record
from interloom.pipeline.execution.units import FinishedPhases
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.store.exchange import Range
from interloom.pipeline.store.merging import KEY, ORDER, sorted_rows
from interloom.pipeline.store.parts import TableRef, UnitFolder
from interloom.pipeline.store.tables import read_stored

RANGE_BYTES = 1 << 20
"""A larger range is cut into finer ones. Our choice."""


def units(phase: Phase, finished: FinishedPhases) -> Iterator[Unit | None]:
    """Units that send the result of the step's last exchange, then units that cut ranges."""
    parts = len(finished.files(phase.inputs, "documents"))
    sent = 0
    for pack in packs(result_files(phase.exchanges[-1], finished)):
        yield Unit(parts=parts, tables=pack).identified(phase)
        sent += 1
    committed, results = partial(finished.count_so_far, phase.name), partial(finished.results_so_far, phase.name)
    for cut in levels.cuts(sent, committed, results, _must_be_cut):
        yield Unit(level=cut[0], segments=cut[1]).identified(phase) if cut else None


def _must_be_cut(range_: Range) -> bool:
    return range_.must_be_cut(RANGE_BYTES)


def run(phase: Phase, unit: Unit, folder: UnitFolder, record: Record) -> Mapping[str, Any]:
    """Stores the verdicts sorted by part."""
    if unit.segments:
        return levels.store_sorted(folder, unit.level, levels.merge_segments(folder.run, unit.segments))
    rows = pa.concat_tables([read_stored(folder.run, ref) for ref in unit.tables])
    rows = rows.select([name for name in rows.column_names if name not in (KEY, ORDER)])
    ordered = rows.append_column(ORDER, pa.array(np.zeros(rows.num_rows, np.int64)))
    return levels.store_sorted(folder, 0, [sorted_rows(keyed_by_part(ordered, unit.parts))])


@dataclass(frozen=True, slots=True)
class FoundVerdicts:
    """The ranges of all verdicts in order, their first keys, and the keys of all parts."""

    ranges: Sequence[Range]
    firsts: Sequence[int]
    keys: Sequence[int]

    @classmethod
    def of(cls, phase: str, inputs: Iterable[str], finished: FinishedPhases) -> Self:
        """The verdicts that a phase stored on the documents of its inputs."""
        ranges = levels.whole_ranges(finished.results_so_far(phase), _must_be_cut)
        return cls(ranges, [range_.first_key for range_ in ranges], keys_in_order(len(finished.files(inputs, "documents"))))

    def on(self, parts: Iterable[TableRef]) -> tuple[Range, ...]:
        """The ranges in which verdicts on these parts may be, in order."""
        by_place = {}
        for part in parts:
            key = self.keys[part.ordinal]
            place = bisect_right(self.firsts, key) - 1
            if place >= 0 and key < self.ranges[place].end_key:
                by_place[place] = self.ranges[place]
        return tuple(by_place[place] for place in sorted(by_place))
