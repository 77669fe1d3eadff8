"""A global step that iterates: texts are numbers, neighbours (n and n + 1) belong together, and one of each chain is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa

from interloom.pipeline.stage import GlobalStage, Rows
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop, Dropped, Outcome

FINDINGS = pa.schema([("part", pa.int32()), ("id", pa.string()), ("number", pa.int64()), ("lowest", pa.int64())])


@dataclass(frozen=True, kw_only=True)
class JoinsNeighbours(GlobalStage):
    """Each round takes over the lowest number of the neighbours, so that a chain of n takes n rounds."""

    most_rounds: ClassVar[int] = 12

    def sketch(self, docs: Sequence[Document]) -> pa.Table:
        return pa.table({"id": [doc.id for doc in docs], "number": pa.array([int(doc.text) for doc in docs], pa.int64())})

    def scans(self, rows: int) -> int:
        return 3

    def scan(self, number: int, of: int, sketches: Rows, sides: Mapping[str, Rows]) -> pa.Table:
        rows = [row for table in sketches.read() for row in table.to_pylist() if row["number"] % of == number]
        return pa.Table.from_pylist([{**row, "lowest": row["number"]} for row in rows], FINDINGS)

    def iterate(self, number: int, of: int, findings: Rows) -> tuple[pa.Table, int]:
        rows = [row for table in findings.read() for row in table.to_pylist()]
        lowest = {row["number"]: row["lowest"] for row in rows}
        share = [row for row in rows if row["number"] % of == number]
        after = [{**row, "lowest": min(lowest.get(row["number"] + step, row["lowest"]) for step in (-1, 0, 1))} for row in share]
        return pa.Table.from_pylist(after, FINDINGS), sum(a["lowest"] != b["lowest"] for a, b in zip(share, after, strict=True))

    def decide(self, found: Rows) -> pa.Table:
        rows = [row for table in found.read() for row in table.to_pylist() if row["lowest"] != row["number"]]
        return pa.Table.from_pylist(rows, FINDINGS)

    def apply(self, docs: Sequence[Document], verdicts: Mapping[str, list[dict[str, Any]]]) -> Iterator[Outcome]:
        for doc in docs:
            lower = verdicts.get(doc.id)
            yield Dropped(doc.id, Drop("has_lower_neighbour", float(lower[0]["lowest"]))) if lower else doc
