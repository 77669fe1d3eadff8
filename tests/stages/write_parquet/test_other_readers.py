"""What users read shards with opens them and gives plain values: lists of (name, value), no maps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interloom.schemas.document import Document, Image, Text
from interloom.stages.write_parquet import WriteParquet

Row = dict[str, Any]


def by_duckdb(path: str, cache: Path) -> Row:
    import duckdb

    rows = duckdb.sql(f"select * from '{path}'")
    return dict(zip(rows.columns, rows.fetchall()[0], strict=True))


def by_polars(path: str, cache: Path) -> Row:
    import polars

    row: Row = polars.read_parquet(path).to_dicts()[0]
    return row


def by_pandas(path: str, cache: Path) -> Row:
    import pandas

    [row, *_] = pandas.read_parquet(path).to_dict("records")
    return {str(name): list(value) if type(value).__name__ == "ndarray" else value for name, value in row.items()}


def by_datasets(path: str, cache: Path) -> Row:
    import datasets

    row: Row = datasets.Dataset.from_parquet(path, cache_dir=str(cache))[0]
    return row


@pytest.fixture(params=[by_duckdb, by_polars, by_pandas, by_datasets], ids=lambda reader: reader.__name__)
def first_row(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Row]:
    """Reads the first row of a shard in a layout."""
    image = Image(position=1, data=b"ink", format="png", scores={"clip": 0.25})
    doc = Document(id="a", scores={"quality": 0.5}, labels={"language": "de"}, elements=(Text(position=0, text="hi"), image))

    def read(layout: str) -> Row:
        info = WriteParquet(layout=layout).write(0, [doc, Document(id="b")], tmp_path)  # type: ignore[arg-type]
        row: Row = request.param(str(tmp_path / info.files[0]), tmp_path / "cache")
        return row

    return read


def test_interleaved_documents_have_their_elements_scores_and_media(first_row: Callable[[str], Row]) -> None:
    row = first_row("interleaved")
    assert [element["text"] for element in row["elements"]] == ["hi", None]
    assert row["scores"] == [{"name": "quality", "value": 0.5}]
    assert list(row["elements"][1]["scores"]) == [{"name": "clip", "value": 0.25}]
    assert [(list(entry["positions"]), entry["data"]) for entry in row["media"]] == [([1], b"ink")]


def test_pairs_have_their_image_caption_and_scores(first_row: Callable[[str], Row]) -> None:
    row = first_row("pairs")
    assert (row["image"], row["caption"], row["scores"]) == (b"ink", "hi", [{"name": "clip", "value": 0.25}])


def test_texts_have_their_labels(first_row: Callable[[str], Row]) -> None:
    row = first_row("text")
    assert (row["text"], row["labels"]) == ("hi", [{"name": "language", "value": "de"}])
