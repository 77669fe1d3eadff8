"""The best results of each query, from all its lists, and where they come from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from interloom.pipeline.exchange_rows import NODE_BITS, Ints
from interloom.pipeline.stage import RangeRows, Rows
from interloom.pipeline.store.merging import column

BEST = "best"
_DIGITS = 4
"""Scores are rounded to so many decimals."""
_PLACE = ("id", "position", "window")
_SOURCE = {**{name: f"source_{name}" for name in ("position", "window")}, "id": "source"}


@dataclass(frozen=True, slots=True)
class BestResults:
    """Results meet at the part of their query."""

    count: int

    def send(self, which: str, results: pa.Table) -> pa.Table:
        return _to_parts(results.rename_columns({"query": "order"}), "order")

    def meet(self, rows: RangeRows, sketches: Rows) -> Iterator[pa.Table]:
        """The best results of each query, its place and the node of each item."""
        places = _Places.of(sketches, _PLACE)
        for table in _whole_queries(rows.read()):
            best = table.take(pa.array(best_rows(table, self.count)))
            queries = column(best, "order")
            of_query = places.at(queries)
            columns = [best["part"], *of_query.columns, pa.array(ranks(queries), pa.int32()), best["score"], best["item"]]
            yield pa.table(columns, names=["part", *_PLACE, "rank", "score", "item"])


def _to_parts(rows: pa.Table, node: str) -> pa.Table:
    """The rows on their way to the part in which a node lies."""
    return rows.append_column("part", pa.array((column(rows, node) >> NODE_BITS).astype(np.int32)))


def _whole_queries(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The rows, sorted by query, in tables that hold all rows of their queries."""
    held: pa.Table | None = None
    for table in (table for table in tables if table.num_rows):
        rows = table if held is None else pa.concat_tables([held, table])
        queries = column(rows, "order")
        last = int(np.searchsorted(queries, queries[-1]))
        yield rows.slice(0, last)
        held = rows.slice(last)
    if held is not None:
        yield held


def best_rows(results: pa.Table, count: int) -> Ints:
    """The rows of the `count` best results of each query with different contents, best first: by score, then by tie."""
    query, content = column(results, "order"), column(results, "content")
    order = np.lexsort((column(results, "tie"), -column(results, "score"), query))
    by_content = np.lexsort((np.arange(len(order)), content[order], query[order]))
    sorted_query, sorted_content = query[order][by_content], content[order][by_content]
    is_first = _changes(sorted_query) | _changes(sorted_content)
    different = order[np.sort(by_content[is_first])]
    return different[ranks(query[different]) <= count]


def _changes(values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Where a value differs from the one before it, and at the first one."""
    return np.concatenate([np.ones(min(len(values), 1), np.bool_), values[1:] != values[:-1]])


def ranks(queries: Ints) -> Ints:
    """The place of each row among those of its query, which stand together: 7 7 9 -> 1 2 1."""
    starts = np.flatnonzero(_changes(queries))
    return np.arange(1, len(queries) + 1) - np.repeat(starts, np.diff(starts, append=len(queries)))


@dataclass(frozen=True, slots=True)
class _Places:
    """Rows of sketches by their node."""

    nodes: Ints
    rows: pa.Table

    @classmethod
    def of(cls, sketches: Rows, columns: Sequence[str]) -> _Places:
        tables = [table for table in sketches.read(["node", *columns]) if table.num_rows]
        rows = pa.concat_tables(tables).combine_chunks()  # rows taken from many chunks hold megabytes each
        return cls(column(rows, "node"), rows.select(columns))

    def at(self, nodes: Ints) -> pa.Table:
        """The rows of these nodes."""
        return self.rows.take(pa.array(np.searchsorted(self.nodes, nodes)))


def send_to_sources(which: str, best: pa.Table) -> pa.Table:
    """Results on their way to the part of what was found."""
    return _to_parts(best.rename_columns({"part": "query_part", "item": "order"}), "order")


def attach_places(rows: RangeRows, sketches: Rows) -> Iterator[pa.Table]:
    """The results with the place and the text of what was found: the verdicts on the documents of the queries."""
    places = _Places.of(sketches, [*_SOURCE, "start", "end", "text"])
    for table in rows.read():
        sources = places.at(column(table, "order")).rename_columns(_SOURCE)
        results = table.select(["query_part", *_PLACE, "rank", "score"]).rename_columns({"query_part": "part"})
        scores = pa.array(np.round(column(results, "score"), _DIGITS))
        results = results.set_column(results.column_names.index("score"), "score", scores)
        for name in sources.column_names:
            results = results.append_column(name, sources[name])
        yield results
