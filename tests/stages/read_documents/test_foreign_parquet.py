"""Folders of Parquet as Spark, Polars and Hugging Face `datasets` write them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image as Picture

from interloom.stages.read_documents import ReadDocuments

TEXTS = ["one", "two", "three"]


def documents(folder: Path, **parameters: Any) -> list[Any]:
    source = ReadDocuments(paths=str(folder), **parameters)
    return [outcome for split in source.splits() for outcome in source.read(split)]


@pytest.mark.parametrize("codec", ["snappy", "zstd", "gzip", "none"])
def test_a_folder_of_spark_is_read_without_its_side_files(tmp_path: Path, codec: str) -> None:
    rows = pa.table({"text": TEXTS, "score": pa.array([1, 2, 3]).cast(pa.decimal128(21, 2))})
    for lang in ("de", "en"):
        folder = tmp_path / f"lang={lang}" / "note=a%20b"
        folder.mkdir(parents=True)
        pq.write_table(rows, folder / "part-00000-4f.c000.parquet", compression=codec)
    (tmp_path / "_temporary" / "0").mkdir(parents=True)
    pq.write_table(rows, tmp_path / "_temporary" / "0" / "part-00001.parquet")
    pq.write_metadata(rows.schema, tmp_path / "_metadata")
    (tmp_path / "_SUCCESS").touch()
    docs = documents(tmp_path)
    assert [(doc.text, doc.labels, doc.scores["score"]) for doc in docs] == [
        (text, {"lang": lang, "note": "a b"}, n + 1.0) for lang in ("de", "en") for n, text in enumerate(TEXTS)
    ]


def test_a_partition_without_a_value_has_no_label(tmp_path: Path) -> None:
    (tmp_path / "lang=__HIVE_DEFAULT_PARTITION__").mkdir()
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "lang=__HIVE_DEFAULT_PARTITION__" / "part-0.parquet")
    assert [doc.labels for doc in documents(tmp_path)] == [{}]


@pytest.mark.parametrize("kind", [pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string()), pa.string()])
def test_strings_of_all_types_are_texts_and_labels(tmp_path: Path, kind: pa.DataType) -> None:
    column = pa.array(TEXTS).cast(kind)
    pq.write_table(pa.table({"text": column, "more": column}), tmp_path / "in.parquet")
    assert [(doc.text, doc.labels["more"]) for doc in documents(tmp_path)] == [(text, text) for text in TEXTS]


def test_a_file_of_polars_is_read(tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"text": TEXTS, "kind": polars.Series(["a", "b", "a"], dtype=polars.Categorical), "n": [1, None, 3]})
    frame.write_parquet(tmp_path / "in.parquet")
    docs = documents(tmp_path)
    assert [(doc.text, doc.labels, doc.scores) for doc in docs] == [
        ("one", {"kind": "a"}, {"n": 1.0}),
        ("two", {"kind": "b"}, {}),
        ("three", {"kind": "a"}, {"n": 3.0}),
    ]


def test_images_of_hugging_face_datasets_come_with_their_bytes(tmp_path: Path) -> None:
    file = io.BytesIO()
    Picture.new("RGB", (4, 3), (9, 9, 9)).save(file, "png")
    features = '{"info": {"features": {"image": {"_type": "Image"}, "text": {"dtype": "string", "_type": "Value"}}}}'
    table = pa.table({"image": [{"bytes": file.getvalue(), "path": "1.png"}], "text": ["a boat"]})
    pq.write_table(table.replace_schema_metadata({"huggingface": features}), tmp_path / "train-00000-of-00001.parquet")
    [doc] = documents(tmp_path)
    assert (doc.images[0].data, doc.images[0].format, doc.text) == (file.getvalue(), "png", "a boat")


@pytest.mark.parametrize("broken", [pa.array([b"fine", b"\xff\xfe", b"fine"], pa.binary()).view(pa.string())])
def test_a_kept_cell_that_is_broken_costs_no_row(tmp_path: Path, broken: pa.Array) -> None:
    late = pa.array([0, 1 << 62, 1], pa.timestamp("us"))
    pq.write_table(pa.table({"text": TEXTS, "more": broken, "when": late}), tmp_path / "in.parquet")
    assert [(doc.text, doc.labels["more"]) for doc in documents(tmp_path)] == [
        ("one", "fine"),
        ("two", "\ufffd\ufffd"),
        ("three", "fine"),
    ]


def test_dates_and_truth_values_are_labels(tmp_path: Path) -> None:
    when = pa.array([0], pa.timestamp("s"))
    pq.write_table(pa.table({"text": ["a"], "when": when, "flag": [True]}), tmp_path / "in.parquet")
    assert [doc.labels for doc in documents(tmp_path)] == [{"when": "1970-01-01 00:00:00.000", "flag": "true"}]
