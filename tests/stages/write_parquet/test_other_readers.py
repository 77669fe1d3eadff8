"""What users read shards with opens the folder of the shards and its files without settings, and gives plain values."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import PIL.Image
import pytest

from interloom.schemas.document import Document, Image, Text
from interloom.stages.write_parquet import WriteParquet

Row = dict[str, Any]


def _png() -> bytes:
    file = io.BytesIO()
    PIL.Image.new("RGB", (4, 3)).save(file, "png")
    return file.getvalue()


INK = _png()


def by_duckdb(path: str, cache: Path) -> list[Row]:
    import duckdb

    pattern = path if path.endswith(".parquet") else f"{path}/*.parquet"
    rows = duckdb.sql(f"select * from '{pattern}'")
    return [dict(zip(rows.columns, row, strict=True)) for row in rows.fetchall()]


def by_polars(path: str, cache: Path) -> list[Row]:
    import polars

    rows: list[Row] = polars.scan_parquet(path).collect().to_dicts()
    return rows


def by_pandas(path: str, cache: Path) -> list[Row]:
    import pandas

    rows = pandas.read_parquet(path).to_dict("records")
    return [{str(name): _plain(value) for name, value in row.items()} for row in rows]


def by_pyarrow(path: str, cache: Path) -> list[Row]:
    import pyarrow.dataset

    rows: list[Row] = pyarrow.dataset.dataset(path).to_table().to_pylist()
    return rows


def by_datasets(path: str, cache: Path) -> list[Row]:
    import datasets

    where = {"data_files" if path.endswith(".parquet") else "data_dir": path}
    rows = datasets.load_dataset("parquet", **where, split="train", cache_dir=str(cache))
    return list(rows.cast(_undecoded(rows.features)))


def _undecoded(features: Any) -> Any:
    """The features with images as structs, as the other readers give them."""
    import datasets

    plain = features.copy()
    if "images" in plain:
        plain["images"] = datasets.List(datasets.Image(decode=False))
    if "image" in plain:
        plain["image"] = datasets.Image(decode=False)
    return plain


def _plain(value: Any) -> Any:
    """The value with lists instead of arrays, and without the NaN of pandas for null."""
    if isinstance(value, dict):
        return {name: _plain(entry) for name, entry in value.items()}
    if type(value).__name__ == "ndarray":
        return [_plain(entry) for entry in value]
    return None if value != value else value


@pytest.fixture(params=[by_duckdb, by_polars, by_pandas, by_pyarrow, by_datasets], ids=lambda reader: reader.__name__)
def read(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], list[Row]]:
    """Writes two shards in a layout; reads the folder, and the first file, which must have the first row of the folder."""
    image = Image(position=1, data=INK, format="png", scores={"clip": 0.25})
    doc = Document(id="a", scores={"quality": 0.5}, labels={"language": "de"}, elements=(Text(position=0, text="hi"), image))

    def read(layout: str) -> list[Row]:
        sink = WriteParquet(layout=layout)  # type: ignore[arg-type]
        first, _ = [sink.write(n, docs, tmp_path) for n, docs in enumerate(([doc], [Document(id="b")]))]
        in_folder = request.param(str(tmp_path / "data"), tmp_path / "cache")
        in_file = request.param(str(tmp_path / first.files[0]), tmp_path / "cache")
        assert in_file == in_folder[:1]
        return list(in_folder)

    return read


def test_documents_have_texts_and_images_in_parallel_and_their_record(read: Callable[[str], list[Row]]) -> None:
    first, second = read("interleaved")
    assert (first["id"], second["id"]) == ("a", "b")
    assert list(first["texts"]) == ["hi", None]
    assert list(first["images"]) == [None, {"bytes": INK, "path": "1.png"}]
    assert [element["kind"] for element in first["elements"]] == ["text", "image"]
    assert first["scores"] == [{"name": "quality", "value": 0.5}]
    assert list(first["elements"][1]["scores"]) == [{"name": "clip", "value": 0.25}]


def test_pairs_have_their_image_caption_and_scores(read: Callable[[str], list[Row]]) -> None:
    [row] = read("pairs")
    assert row["image"] == {"bytes": INK, "path": "1.png"}
    assert (row["caption"], row["scores"]) == ("hi", [{"name": "clip", "value": 0.25}])


def test_texts_have_their_labels(read: Callable[[str], list[Row]]) -> None:
    first, _ = read("text")
    assert (first["text"], first["labels"]) == ("hi", [{"name": "language", "value": "de"}])


def test_datasets_opens_the_target_itself_and_shows_pictures(tmp_path: Path) -> None:
    import datasets

    WriteParquet().write(0, [Document(id="a", elements=(Image(position=0, data=INK, format="png"),))], tmp_path / "to")
    (tmp_path / "to" / "README.md").write_text("# A card\n")
    (tmp_path / "to" / "manifest.json").write_text("{}")
    rows = datasets.load_dataset(str(tmp_path / "to"), split="train", cache_dir=str(tmp_path / "cache"))
    [image] = rows[0]["images"]
    assert image.format == "PNG"
