"""A global step that iterates: texts are numbers, neighbours (n and n + 1) belong together, and one of each chain is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from interloom.pipeline.stage import Exchange, GlobalStage, Rows
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop, Dropped, Outcome


@dataclass(frozen=True, kw_only=True)
class JoinsNeighbours(GlobalStage):
    """Each round takes over the lowest number of the neighbours, so that a chain of n takes n rounds."""

    def sketch(self, docs: Sequence[Document]) -> pa.Table:
        return pa.table({"id": [doc.id for doc in docs], "number": pa.array([int(doc.text) for doc in docs], pa.int64())})

    def exchanges(self) -> tuple[Exchange, ...]:
        spread = Exchange(name="spread", reads=("sketch",), send=_to_neighbours, meet=_take_lowest, most_rounds=12)
        return spread, Exchange(name="high", reads=("spread",), send=_back, meet=_which_are_higher)

    def apply(self, docs: Sequence[Document], verdicts: Mapping[str, list[dict[str, Any]]]) -> Iterator[Outcome]:
        for doc in docs:
            lower = verdicts.get(doc.id)
            yield Dropped(doc.id, Drop("has_lower_neighbour", float(lower[0]["lowest"]))) if lower else doc


ROWS = pa.schema(
    {"key": pa.uint64(), "order": pa.int64(), "part": pa.int32(), "id": pa.string(), "number": pa.int64(), "lowest": pa.int64()}
)
RESULT = pa.schema([*[*ROWS][2:], pa.field("changed", pa.bool_())])


def _to_neighbours(source: str, table: pa.Table) -> pa.Table:
    """A row for the number itself (order 0) and for both neighbours."""
    rows = [{"lowest": row["number"], **row} for row in table.to_pylist()]
    sent = [{**row, "key": row["number"] + 1 + to, "order": abs(to)} for row in rows for to in (-1, 0, 1)]
    return pa.Table.from_pylist(sent, ROWS)


def _take_lowest(rows: Rows) -> Iterator[pa.Table]:
    lowest: dict[int, int] = {}
    for row in (row for table in rows.read(["key", "lowest"]) for row in table.to_pylist()):
        lowest[row["key"]] = min(row["lowest"], lowest.get(row["key"], row["lowest"]))
    for table in rows.read():
        own = [row for row in table.to_pylist() if row["order"] == 0]
        found = [{**row, "lowest": lowest[row["key"]], "changed": lowest[row["key"]] != row["lowest"]} for row in own]
        yield pa.Table.from_pylist(found, RESULT)


def _back(source: str, table: pa.Table) -> pa.Table:
    return pa.Table.from_pylist([{**row, "key": row["number"], "order": 0} for row in table.to_pylist()], ROWS)


def _which_are_higher(rows: Rows) -> Iterator[pa.Table]:
    for table in rows.read(["part", "id", "number", "lowest"]):
        higher = [row for row in table.to_pylist() if row["lowest"] != row["number"]]
        yield pa.Table.from_pylist(higher, table.schema)
