"""Rows of decisions, scores and side tables as Arrow tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from interloom.schemas.columns import SCORE_ROWS, SIDE_TABLES
from interloom.schemas.table import array_of

Score = tuple[str, int | None, str, str, float]
"""The columns of `SCORE_ROWS`: id, position, step, name, value."""


def table_of(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """Rows as a table with this schema; fields that a row does not have are null."""
    return pa.Table.from_arrays([array_of([row.get(f.name) for row in rows], f.type) for f in schema], schema=schema)


def score_table(rows: Iterable[Score]) -> pa.Table:
    """Scores as a table `SCORE_ROWS`."""
    columns = list(zip(*rows, strict=True)) or [()] * len(SCORE_ROWS)
    return pa.Table.from_arrays([array_of(c, f.type) for c, f in zip(columns, SCORE_ROWS, strict=True)], schema=SCORE_ROWS)


def side_tables(name: str, rows: Sequence[Mapping[str, Any]]) -> Iterator[pa.Table]:
    """Rows for the side table `name` as one table, or, if they hold vectors, one for each width of vectors, narrow ones first.

    A row has its vector as bytes, little-endian float16. In the table 512 numbers are a `fixed_size_list<float16>[512]`.
    """
    schema = SIDE_TABLES[name]
    if "vector" not in schema.names:
        yield table_of(rows, schema)
        return
    by_width: dict[int, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_width.setdefault(len(row["vector"]), []).append(row)
    for size_bytes, same in sorted(by_width.items()):
        yield _with_vectors(same, schema, size_bytes // 2)


def _with_vectors(rows: Sequence[Mapping[str, Any]], schema: pa.Schema, width: int) -> pa.Table:
    table = table_of(rows, pa.schema([field for field in schema if field.name != "vector"]))
    flat = np.frombuffer(b"".join(row["vector"] for row in rows), "<f2")
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(flat, pa.float16()), width)
    return table.append_column(pa.field("vector", vectors.type), vectors)
