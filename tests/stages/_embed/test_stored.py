"""Which rows of the side table `embeddings` are about the documents at hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from interloom.pipeline.errors import ConfigError
from interloom.schemas.document import Document, Image, Text
from interloom.schemas.rows import side_tables
from interloom.stages._embed.stored import column_of, stored_rows, vectors_in


def row(id_: str, position: int, window: int = 0, **other: Any) -> dict[str, Any]:
    """A row whose vector is its position and window."""
    vector = np.array([position, window], "<f2").tobytes()
    usual = {"kind": "sentence", "model": "mini", "revision": "1"}
    return {"id": id_, "position": position, "window": window, **usual, "vector": vector, **other}


def table(*rows: dict[str, Any]) -> pa.Table:
    [made] = side_tables("embeddings", rows)
    return made


def doc(id_: str, *positions: int) -> Document:
    return Document(id=id_, elements=tuple(Text(position=position, text="words") for position in positions))


def places(rows: pa.Table) -> list[tuple[str, int, int]]:
    return [(row["id"], row["position"], row["window"]) for row in rows.to_pylist()]


def test_rows_come_by_document_position_and_window():
    tables = [table(row("b", 1), row("a", 2), row("a", 1, 1)), table(row("a", 1, 0), row("c", 1))]
    rows = stored_rows([doc("b", 1), doc("a", 1, 2)], tables, "sentence")
    assert places(rows) == [("b", 1, 0), ("a", 1, 0), ("a", 1, 1), ("a", 2, 0)]
    assert vectors_in(rows["vector"]).tolist() == [[1, 0], [1, 0], [1, 1], [2, 0]]


def test_rows_of_elements_that_are_gone_are_left_out():
    assert places(stored_rows([doc("a", 2)], [table(row("a", 1), row("a", 2))], "sentence")) == [("a", 2, 0)]


def test_a_child_has_the_rows_about_its_elements_under_its_own_id():
    stored = table(row("a", 1, start=3, end=9), row("a", 2), row("a#1", 2, 5), row("a", -1))
    rows = stored_rows([doc("a#1", 1, 2), doc("a#2", 2)], [stored], "sentence")
    assert places(rows) == [("a#1", 1, 0), ("a#1", 2, 0), ("a#1", 2, 5), ("a#2", 2, 0)]
    assert rows["start"].to_pylist() == [3, None, None, None]


def test_a_childs_own_rows_come_before_those_of_what_it_was_cut_from():
    stored = table(row("a", 1, start=1), row("a#1", 1, start=2))
    assert stored_rows([doc("a#1", 1)], [stored], "sentence")["start"].to_pylist() == [2]


def test_a_row_about_a_whole_document_is_its_own():
    assert places(stored_rows([doc("a")], [table(row("a", -1))], "sentence")) == [("a", -1, 0)]


def test_only_rows_of_the_kind_and_model_are_taken():
    stored = table(row("a", 1, kind="text"), row("a", 1, 1), row("a", 1, 2, model="clip"))
    assert places(stored_rows([doc("a", 1)], [stored], "sentence", "mini")) == [("a", 1, 1)]


def test_pictures_have_rows_too():
    picture = Document(id="a", elements=(Image(position=4),))
    assert places(stored_rows([picture], [table(row("a", 4, kind="image"))], "image")) == [("a", 4, 0)]


def test_several_models_are_one_clear_error():
    stored = table(row("a", 1), row("a", 1, 1, model="clip"))
    message = r"embeddings of kind 'sentence' are stored of several models \(clip, mini\); name one as `model`"
    with pytest.raises(ConfigError, match=message):
        stored_rows([doc("a", 1)], [stored], "sentence")


def test_several_versions_of_a_model_are_one_clear_error():
    stored = table(row("a", 1), row("a", 1, 1, revision="2"))
    with pytest.raises(ConfigError, match=r"embeddings of kind 'sentence' are stored of several versions of mini \(1, 2\)"):
        stored_rows([doc("a", 1)], [stored], "sentence", "mini")


def test_rows_of_earlier_versions_have_no_offsets():
    rows = stored_rows([doc("a", 1)], [table(row("a", 1)).drop_columns(["start", "end"])], "sentence")
    assert rows.select(["start", "end"]).to_pylist() == [{"start": None, "end": None}]


@pytest.mark.parametrize("tables", [[], [table(row("b", 1))]])
def test_without_rows_the_columns_are_there(tables: list[pa.Table]):
    rows = stored_rows([doc("a", 1)], tables, "sentence")
    assert (rows.num_rows, rows.column_names) == (0, ["id", "position", "window", "start", "end", "vector"])


def test_a_matrix_is_a_column_and_back():
    matrix = np.arange(6, dtype=np.float32).reshape(3, 2)
    assert vectors_in(pa.chunked_array([column_of(matrix)])).tolist() == matrix.tolist()
