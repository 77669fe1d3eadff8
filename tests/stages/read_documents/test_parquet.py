"""Parquet files that others wrote: columns that nobody uses are not read, and a wrong cell costs its row alone."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from interloom.schemas.document import Document
from interloom.schemas.outcome import Quarantined
from interloom.stages.read_documents import ReadDocuments
from interloom.stages.read_documents.parquet import used_columns

LATE = pa.array([0, 1 << 62, 1], pa.timestamp("us"))  # no date of Python's
NAME_IT = "; `fields` of stages.read_documents can name the one with the text or the image"
BROKEN = pa.array([b"fine", b"\xff\xfe", b"fine"], pa.binary()).view(pa.string())
TEXT = {"text": ["one", "two", "three"]}


def outcomes(folder: Path, columns: Any, **parameters: Any) -> list[Any]:
    """What is read of a file of these columns, with two rows in a row group."""
    table = columns if isinstance(columns, pa.Table) else pa.table(columns)
    pq.write_table(table, folder / "in.parquet", row_group_size=2)
    source = ReadDocuments(paths=str(folder), **parameters)
    return [outcome for split in source.splits() for outcome in source.read(split)]


def texts_and_errors(said: list[Any]) -> list[str]:
    return [one.text if isinstance(one, Document) else one.error for one in said]


@pytest.mark.parametrize(
    "unused",
    [
        {"when": LATE},
        {"junk": BROKEN},
        {"elements": ["a", "b", "c"]},
        {"elements": [["a"], None, []]},
        {"elements": [[{"kind": 1}], None, []]},
        {"more": [{"when": late} for late in LATE]},
    ],
)
def test_columns_that_are_not_used_are_not_read(tmp_path: Path, unused: Any) -> None:
    assert texts_and_errors(outcomes(tmp_path, {**TEXT, **unused})) == TEXT["text"]


@pytest.mark.parametrize(
    ("columns", "error"),
    [
        ({"text": BROKEN}, "UnicodeDecodeError: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
        ({**TEXT, "url": BROKEN}, "UnicodeDecodeError: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
        ({"text": ["fine", None, "fine"]}, "no string in field 'text'"),
    ],
)
def test_a_wrong_cell_costs_its_row_and_is_named_with_it(tmp_path: Path, columns: Any, error: str) -> None:
    first, wrong, third = outcomes(tmp_path, columns)
    assert isinstance(first, Document) and isinstance(third, Document)
    assert wrong == Quarantined(wrong.id, f"{error} (row 1, in.parquet)", url=wrong.url)


def test_a_quarantined_row_keeps_the_id_that_it_gives(tmp_path: Path) -> None:
    _, wrong, _ = outcomes(tmp_path, {"id": ["a", "b", "c"], "text": BROKEN})
    assert wrong.source_id == "b"


@pytest.mark.parametrize(
    ("given", "label"),
    [("x", "x"), (7, "7"), (Decimal("1.50"), "1.50"), (None, None), ("", None), (["x"], None), (True, None), (b"x", None)],
)
def test_the_id_that_a_row_gives_becomes_a_label(tmp_path: Path, given: Any, label: str | None) -> None:
    docs = outcomes(tmp_path, {**TEXT, "id": [given] * 3})
    assert [doc.labels.get("source_id") for doc in docs] == [label] * 3
    assert len({doc.id for doc in docs}) == 3


@pytest.mark.parametrize(
    ("columns", "parameters", "error"),
    [
        ({"a": [1], "b": [2]}, {}, f"of an unknown format; there is a, b{NAME_IT}"),
        ({}, {}, "of an unknown format; there is nothing"),
        ({"elements": ["a"]}, {}, f"of an unknown format; there is elements{NAME_IT}"),
        ({"elements": ["a"]}, {"format": "interloom"}, "no column 'elements' with kinds and positions"),
        ({"a": [1]}, {"format": "text"}, "not of the format text; there is a"),
        ({"texts": [["a"]]}, {"format": "obelics"}, "not of the format obelics; there is texts"),
    ],
)
def test_a_file_without_the_columns_of_its_format_is_quarantined_once(
    tmp_path: Path, columns: Any, parameters: Any, error: str
) -> None:
    assert texts_and_errors(outcomes(tmp_path, columns, **parameters)) == [f"{error} (in.parquet)"]


def test_a_broken_row_group_costs_its_rows(tmp_path: Path) -> None:
    outcomes(tmp_path, {"text": [f"{n}" * 50 for n in range(6)]})
    file = tmp_path / "in.parquet"
    place = pq.ParquetFile(file).metadata.row_group(1).column(0).data_page_offset
    content = bytearray(file.read_bytes())
    content[place : place + 8] = b"\xff" * 8
    file.write_bytes(content)
    source = ReadDocuments(paths=str(file))
    said = texts_and_errors([outcome for split in source.splits() for outcome in source.read(split)])
    assert [one[:31] for one in said] == ["0" * 31, "1" * 31, "broken Parquet from row 2 on: O", "4" * 31, "5" * 31]


def test_of_a_list_of_structs_only_the_fields_that_are_used_are_read(tmp_path: Path) -> None:
    image = {"raw_url": "u", "size": 3, "faces": [{"x": 1}]}
    outcomes(tmp_path, {"text_list": [["a"]], "image_info": [[image]], "tags": [{"a.b": 1}], "text": ["a"]})
    parquet = pq.ParquetFile(tmp_path / "in.parquet")
    assert used_columns(parquet, ["text_list", "image_info.raw_url"]) == [
        "text_list.list.element",
        "image_info.list.element.raw_url",
    ]
