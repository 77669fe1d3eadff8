"""Our own Parquet, as others may have changed it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from interloom.schemas.document import Document, Image, Text
from interloom.schemas.media_table import to_media_table
from interloom.schemas.outcome import Quarantined
from interloom.stages.read_documents import ReadDocuments

PARTS = (Text(position=0, text="Words."), Image(position=1, url="u", data=b"ink"))
TABLE = to_media_table([Document(id=f"d{n}", elements=PARTS, labels={"title": "T"}, scores={"s": 1.0}) for n in range(3)])
Change = Callable[[dict[str, Any]], None]


def outcomes(folder: Path, table: pa.Table) -> list[Any]:
    pq.write_table(table, folder / "in.parquet")
    source = ReadDocuments(paths=str(folder))
    return [outcome for split in source.splits() for outcome in source.read(split)]


def element(name: str, value: Any) -> Change:
    return lambda row: row["elements"][0].update({name: value})


def field(name: str, value: Any) -> Change:
    return lambda row: row.update({name: value})


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (element("kind", "audio"), "ValueError: an element of the unknown kind 'audio'"),
        (element("kind", None), "ValueError: an element of the unknown kind None"),
        (element("position", None), "element 0: position is None"),
        (element("position", 1), "two elements have the same position"),
        (element("origin", None), "element 0: origin is None"),
        (element("bbox", [1.0, 2.0]), "element 0: bbox is (1.0, 2.0)"),
        (element("scores", [{"name": "s", "value": None}]), "element 0: 's' is None"),
        (lambda row: row["elements"].__setitem__(0, None), "ValueError: an element of the unknown kind None"),
        (field("elements", None), "no list in column 'elements'"),
        (field("source", None), "source: url is None"),
        (field("labels", [{"name": None, "value": "x"}]), "labels: None is 'x'"),
        (field("labels", [None]), "labels: None is None"),
        (field("texts", ["Words."]), "ValueError: 'texts' and 'elements' have different lengths"),
        (field("texts", None), "ValueError: 'texts' and 'elements' have different lengths"),
        (field("texts", [None, None]), "element 0: text is None"),
        (field("images", [None]), "ValueError: 'images' and 'elements' have different lengths"),
        (field("clips", []), "ValueError: 'clips' and 'elements' have different lengths"),
    ],
)
def test_a_wrong_cell_costs_its_row_and_is_named_with_it(tmp_path: Path, change: Change, error: str) -> None:
    rows = TABLE.to_pylist()
    change(rows[1])
    first, wrong, third = outcomes(tmp_path, pa.Table.from_pylist(rows, schema=TABLE.schema))
    assert (first.elements, third.elements) == (PARTS, PARTS)
    assert wrong == Quarantined(wrong.id, f"{error} (row 1, in.parquet)", url=str(tmp_path / "in.parquet"), source_id="d1")


@pytest.mark.parametrize(
    ("name", "values", "error"),
    [
        ("source", ["a"] * 3, "column 'source' is string, which cannot become struct<url: string, path: string, offset: int64,"),
        ("images", ["a"] * 3, "column 'images' is string, which cannot become list<item: struct<bytes: binary, path: string>>"),
        ("body", [1, 2, 3], "column 'body' is int64, which cannot become large_binary"),
    ],
)
def test_a_column_of_another_type_quarantines_the_file_once(tmp_path: Path, name: str, values: Any, error: str) -> None:
    [wrong] = outcomes(tmp_path, TABLE.set_column(TABLE.column_names.index(name), name, pa.array(values)))
    assert wrong.error.startswith(error) and wrong.error.endswith("(in.parquet)")


@pytest.mark.parametrize("version", [b"9", b"nine"])
def test_a_file_of_a_newer_or_unknown_version_is_quarantined_once(tmp_path: Path, version: bytes) -> None:
    [wrong] = outcomes(tmp_path, TABLE.replace_schema_metadata({b"interloom.schema_version": version}))
    assert isinstance(wrong, Quarantined)


@pytest.mark.parametrize("lost", ["id", "labels", "scores", "source", "body", "images", "clips"])
def test_columns_may_be_missing(tmp_path: Path, lost: str) -> None:
    docs = outcomes(tmp_path, TABLE.drop_columns([lost]))
    assert [[part.position for part in doc.elements] for doc in docs] == [[0, 1]] * 3


def test_columns_of_related_types_are_cast(tmp_path: Path) -> None:
    wide = pa.list_(pa.struct([("position", pa.int64()), ("more", pa.int8()), ("text", pa.string()), ("kind", pa.string())]))
    rows = [[{"position": 3, "more": 1, "text": "a", "kind": "text"}], [{"position": 1 << 40, "text": "b", "kind": "text"}]]
    good, wrong = outcomes(tmp_path, pa.table({"id": [1, 2], "elements": pa.array(rows, wide)}))
    assert (good.elements, good.labels) == ((Text(position=3, text="a"),), {"source_id": "1"})
    assert wrong.error == "ArrowInvalid: Integer value 1099511627776 not in range: -2147483648 to 2147483647 (row 1, in.parquet)"
