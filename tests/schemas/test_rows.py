"""Rows of side tables and scores as Arrow tables."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from interloom.schemas.columns import SCORE_ROWS, SIDE_TABLES
from interloom.schemas.rows import score_table, side_tables


def row(position: int, *vector: float) -> dict[str, object]:
    return {"id": "a", "position": position, "vector": np.array(vector, "<f2").tobytes()}


def test_vectors_become_fixed_size_lists_of_float16_and_survive_parquet() -> None:
    [table] = side_tables("embeddings", [row(0, 0.5, -1, 2), row(1, 0.25, 0, 1)])
    file = io.BytesIO()
    pq.write_table(table, file)
    back = pq.read_table(file)
    assert back.schema.field("vector").type == pa.list_(pa.float16(), 3)
    assert back["vector"].to_pylist() == [[0.5, -1, 2], [0.25, 0, 1]]


def test_vectors_of_two_widths_go_to_two_tables() -> None:
    narrow, wide = side_tables("embeddings", [row(0, 1, 2, 3), row(1, 4, 5), row(2, 6, 7, 8)])
    assert (narrow["position"].to_pylist(), wide["position"].to_pylist()) == ([1], [0, 2])


def test_rows_without_vectors_are_one_table_of_their_schema() -> None:
    [table] = side_tables("words", [{"id": "a", "word": "so"}])
    assert table.schema == SIDE_TABLES["words"]
    assert table["word"].to_pylist() == ["so"]


def test_scores_are_a_table_of_their_schema_even_if_there_are_none() -> None:
    assert score_table([("a", None, "s", "q", 0.5)]).to_pylist() == [
        {"id": "a", "position": None, "step": "s", "name": "q", "value": 0.5}
    ]
    assert score_table([]).schema == SCORE_ROWS
