"""Runs a global step in memory: sketch, scan, decide and apply as the machine does, without storage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from interloom.pipeline.stage import GlobalStage
from interloom.schemas.document import Document
from interloom.schemas.outcome import Dropped, Outcome


class Stored:
    """Side tables in memory, one part per table."""

    def __init__(self, *tables: pa.Table) -> None:
        self.tables = tables

    def read(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        for number, table in enumerate(self.tables):
            asked = table if columns is None else table.select(list(columns))
            yield asked.append_column("part", pa.array([number] * len(table), pa.int32()))

    @property
    def count(self) -> int:
        return sum(map(len, self.tables))


def outcomes(stage: GlobalStage, *parts: list[Document], scans: int | None = None) -> list[Outcome]:
    """What the stage says of all documents, each part being sketched and applied on its own."""
    sketches = Stored(*map(stage.sketch, parts))
    of = scans or stage.scans(sketches.count)
    verdicts = stage.decide(Stored(*(stage.scan(number, of, sketches, {}) for number in range(of)))).to_pylist()
    said: list[Outcome] = []
    for number, docs in enumerate(parts):
        rows: dict[str, list[dict[str, Any]]] = {}
        for row in verdicts:
            if row["part"] == number:
                rows.setdefault(row["id"], []).append(row)
        said += stage.apply(docs, rows)
    return said


def gone(said: list[Outcome]) -> dict[str, str]:
    return {outcome.id: outcome.kept for outcome in said if isinstance(outcome, Dropped)}
