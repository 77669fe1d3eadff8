"""Runs a global step in memory: sketch, exchanges and apply as the machine does, without storage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from interloom.pipeline.exchange_rows import keys_of_parts, with_nodes
from interloom.pipeline.stage import Exchange, GlobalStage
from interloom.pipeline.store.merging import KEY, column, sorted_rows
from interloom.schemas.document import Document, lineage
from interloom.schemas.outcome import Dropped, Outcome


class Stored:
    """Tables in memory, to be read again and again, with `before` rows before them of `total`."""

    def __init__(self, *tables: pa.Table, before: int = 0, total: int = 0) -> None:
        self.tables, self.before, self.total = tables, before, total

    def read(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        for table in self.tables:
            yield table if columns is None else table.select(list(columns))

    @property
    def count(self) -> int:
        return sum(map(len, self.tables))


def outcomes(
    stage: GlobalStage,
    *parts: list[Document],
    partitions: int = 1,
    sides: Mapping[str, Sequence[pa.Table]] | None = None,
) -> list[Outcome]:
    """What the stage says of all documents, each part being sketched and applied on its own."""
    rows = verdicts(stage, [sketch_of(stage, part, sides) for part in parts], sides, partitions).to_pylist()
    said: list[Outcome] = []
    for number, docs in enumerate(parts):
        by_id: dict[str, list[dict[str, Any]]] = {}
        for row in rows:
            if row["part"] == number:
                by_id.setdefault(row["id"], []).append(row)
        said += stage.apply(docs, by_id)
    return said


def sketch_of(stage: GlobalStage, docs: Sequence[Document], sides: Mapping[str, Sequence[pa.Table]] | None = None) -> pa.Table:
    """The stage's sketch of these documents, with the rows about them in the side tables that it reads for it."""
    if not stage.sketch_tables:
        return stage.sketch(docs)
    ids = pa.array([id_ for doc in docs for id_ in lineage(doc.id)], pa.string())
    about = {name: [table.filter(pc.is_in(table["id"], ids)) for table in (sides or {})[name]] for name in stage.sketch_tables}
    return stage.sketch_with(docs, about)


def results(
    stage: GlobalStage,
    sketches: Sequence[pa.Table],
    sides: Mapping[str, Sequence[pa.Table]] | None = None,
    partitions: int = 1,
) -> dict[str, list[pa.Table]]:
    """What each exchange of the stage stores, by name."""
    stored: dict[str, Sequence[pa.Table]] = {**(sides or {})}
    stored["sketch"] = [with_nodes(sketch, part) for part, sketch in enumerate(sketches)]
    found = {}
    for exchange in stage.exchanges():
        stored[exchange.name] = found[exchange.name] = result(exchange, stored, partitions)
    return found


def verdicts(
    stage: GlobalStage,
    sketches: Sequence[pa.Table],
    sides: Mapping[str, Sequence[pa.Table]] | None = None,
    partitions: int = 1,
) -> pa.Table:
    """The result of the stage's last exchange; without any, a table without rows and columns. The keys are cut into so many equal
    ranges; the more there are, the smaller are the tables in which rows come."""
    last = [*results(stage, sketches, sides, partitions).values()][-1]
    return pa.concat_tables(last) if last else pa.table({})


def result(exchange: Exchange, stored: Mapping[str, Sequence[pa.Table]], partitions: int = 1) -> list[pa.Table]:
    """What the exchange makes of what is stored by name: of one with rounds, in its last round."""
    result = _round(exchange, [(name, table) for name in exchange.reads for table in stored[name]], stored, partitions)
    for _ in range(1, exchange.most_rounds):
        if not any(True in table["changed"].to_pylist() for table in result):
            break
        result = _round(exchange, [(exchange.name, table) for table in result], stored, partitions)
    else:
        assert not exchange.most_rounds or not any(True in table["changed"].to_pylist() for table in result), "does not settle"
    return result


def _round(
    exchange: Exchange, tables: Iterable[tuple[str, pa.Table]], stored: Mapping[str, Sequence[pa.Table]], partitions: int
) -> list[pa.Table]:
    sketches = stored["sketch"]
    whole = {name: pa.concat_tables(stored[name]) if stored[name] else pa.table({}) for name in exchange.shared}
    shared = [whole] if exchange.shared else []
    sent = [_keyed(exchange, exchange.send(name, table, *shared), len(sketches)) for name, table in tables]
    sent = [table for table in sent if table.num_rows]
    if not sent:
        return []
    rows = sorted_rows(pa.concat_tables(sent)).combine_chunks()
    result: list[pa.Table] = []
    before = 0
    for number in range(partitions):
        share = rows.filter(pa.array(partition_of(column(rows, KEY), partitions) == number))
        if share.num_rows:
            size = max(1, -(-share.num_rows // (2 if partitions > 1 else 1)))
            tables = (share.slice(first, size) for first in range(0, share.num_rows, size))
            some = Stored(*tables, before=before, total=rows.num_rows)
            before += share.num_rows
            if exchange.joins_parts:
                of = len(sketches)
                keys = keys_of_parts(np.arange(of), of)
                own = [s for s, n in zip(sketches, partition_of(keys, partitions), strict=True) if n == number]
                result += exchange.meet(some, Stored(*own), *shared)
            else:
                result += exchange.meet(some, *shared)
    return [table for table in result if table.num_rows]


def _keyed(exchange: Exchange, rows: pa.Table, parts: int) -> pa.Table:
    if not exchange.joins_parts:
        return rows
    return rows.append_column(KEY, pa.array(keys_of_parts(column(rows, "part"), parts)))


def partition_of(keys: np.ndarray[Any, Any], partitions: int) -> np.ndarray[Any, Any]:
    """The number of the range of each key, when all keys are cut into so many ranges of about equal size."""
    return ((keys >> np.uint64(32)) * np.uint64(partitions)) >> np.uint64(32)


def gone(said: list[Outcome]) -> dict[str, str]:
    return {outcome.id: outcome.kept for outcome in said if isinstance(outcome, Dropped)}
