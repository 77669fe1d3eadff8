"""One unit: the verdicts of a global step, from what its scans found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from interloom.pipeline.execution import units as any_units
from interloom.pipeline.execution.kinds.round import last_findings
from interloom.pipeline.execution.step import Record
from interloom.pipeline.execution.units import FinishedPhases, share_tables, shared_tables
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.stage import GlobalStage
from interloom.pipeline.store.parts import TableRef, UnitFolder
from interloom.pipeline.store.tables import StoredRows

_ROWS_PER_GROUP = 50_000  # a unit below reads the groups that may hold its parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit(any_units.Unit):
    """`tables` is the path of the list of findings."""

    tables: str


def units(phase: Phase, finished: FinishedPhases) -> Iterator[Unit]:
    findings = TableRef.of(last_findings(phase.tables, finished))
    yield Unit(tables=share_tables(phase, finished, {"findings": findings})).identified(phase)


def run(phase: Phase, unit: Unit, folder: UnitFolder, record: Record) -> Mapping[str, Any]:
    """Stores the verdicts, sorted by part and id."""
    findings = shared_tables(folder.run, unit.tables)["findings"]
    verdicts = phase.steps[0].build_as(GlobalStage).decide(StoredRows(folder.run, findings, have_part=True))
    order = [("part", "ascending"), ("id", "ascending")]
    folder.store_table("verdicts", "verdicts.parquet", verdicts.sort_by(order), rows_per_group=_ROWS_PER_GROUP)
    return {}
