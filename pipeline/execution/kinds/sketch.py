"""Sketches of stored documents, where making them in the phase above would tie a checkpointed step's results to the sketch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from interloom.pipeline.execution import units as any_units
from interloom.pipeline.execution.kinds import documents
from interloom.pipeline.execution.step import Record
from interloom.pipeline.execution.units import FinishedPhases
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.stage import GlobalStage
from interloom.pipeline.store.parts import TableRef, UnitFolder
from interloom.pipeline.store.tables import read_documents


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit(any_units.Unit):
    """Parts of the phases above; each gets a sketch of its own."""

    parts: tuple[TableRef, ...]

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        return cls(id=values["id"], parts=tuple(map(TableRef.from_json, values["parts"])))


def units(phase: Phase, finished: FinishedPhases) -> Iterator[Unit | None]:
    """One unit per pack of parts."""
    return (Unit(parts=pack).identified(phase) if pack else None for pack in documents.packs(phase, finished))


def run(phase: Phase, unit: Unit, folder: UnitFolder, record: Record) -> Mapping[str, Any]:
    """Sketches each part."""
    key, step = phase.sketches[0].key, phase.sketches[0].build_as(GlobalStage)
    for part in unit.parts:
        docs = read_documents(folder.run, part)
        sides = documents.side_rows(step.sketch_tables, [part], folder.run)
        about = {name: sides.about(name, docs) for name in step.sketch_tables}
        sketch = step.sketch_with(docs, about) if about else step.sketch(docs)
        folder.store_table(f"sketch:{key}", f"sketch-{key}-{part.ordinal:06d}.parquet", sketch)
    return {}
