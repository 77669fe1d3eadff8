"""A share of the keys of a global step, looked for in all sketches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from interloom.pipeline.execution import units as any_units
from interloom.pipeline.execution.step import Record
from interloom.pipeline.execution.units import FinishedPhases, share_tables, shared_tables
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.stage import GlobalStage
from interloom.pipeline.store.parts import TableRef, UnitFolder
from interloom.pipeline.store.tables import StoredRows

_SIDE = "side:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit(any_units.Unit):
    """Share `number` of `of`; `tables` is the path of the lists of sketches and side tables."""

    number: int
    of: int
    tables: str


def units(phase: Phase, finished: FinishedPhases) -> Iterator[Unit]:
    """As many units as the step asks for, for so many sketch rows."""
    step = phase.steps[0]
    sketches = TableRef.of(finished.files(phase.sketched, f"sketch:{step.key}"))
    sides = {f"{_SIDE}{name}": TableRef.of(finished.files(phase.sides, f"side:{name}")) for name in _side_tables(phase)}
    tables = share_tables(phase, finished, {"sketches": sketches, **sides})
    count = step.build_as(GlobalStage).scans(sum(ref.rows for ref in sketches))
    return (Unit(number=number, of=count, tables=tables).identified(phase) for number in range(count))


def _side_tables(phase: Phase) -> tuple[str, ...]:
    return phase.steps[0].build_as(GlobalStage).side_tables


def run(phase: Phase, unit: Unit, folder: UnitFolder, record: Record) -> Mapping[str, Any]:
    """Stores what the step finds in its share."""
    tables = shared_tables(folder.run, unit.tables)
    sides = {name: StoredRows(folder.run, tables[f"{_SIDE}{name}"]) for name in _side_tables(phase)}
    step = phase.steps[0].build_as(GlobalStage)
    findings = step.scan(unit.number, unit.of, StoredRows(folder.run, tables["sketches"]), sides)
    folder.store_table("findings", "findings.parquet", findings)
    return {}
