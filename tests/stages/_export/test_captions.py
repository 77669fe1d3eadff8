"""Several captions of a picture in the layout "pairs": the lines of one text, or a pair each, in every sink and back again."""

from __future__ import annotations

import json
import tarfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import interloom
from interloom.loader import StreamingDocuments
from interloom.pipeline.stage import ShardInfo, Sink
from interloom.pipeline.store.shards import WrittenShard, described
from interloom.schemas.document import Document, Image, Text
from interloom.schemas.shard_index import SHARDS, pack_shards
from interloom.stages._export.pairs import omitted_texts, pairs
from interloom.stages.read_documents import ReadDocuments
from interloom.stages.read_webdataset import ReadWebdataset
from interloom.stages.write_documents import WriteDocuments
from interloom.stages.write_parquet import WriteParquet
from interloom.stages.write_webdataset import WriteWebdataset


def caption(position: int, text: str) -> Text:
    return Text(position=position, text=text, role="caption", of=3)


COCO = Document(
    id="d",
    elements=(
        Text(position=0, text="A harbour."),
        Image(position=3, format="png", data=b"A", alt="an alt"),
        caption(4, " Two boats."),
        caption(5, "Boats at dawn."),
        caption(6, "Two boats. "),
        Image(position=7, format="png", data=b"B", alt="a quay"),
    ),
)
TARS, TABLES = WriteWebdataset(layout="pairs", captions="each"), WriteParquet(layout="pairs", captions="each")


def written(folder: Path, sink: Sink, *docs: Document) -> ShardInfo:
    """The folder of one shard, as a run leaves it."""
    info = sink.write(0, docs, folder)
    shard = WrittenShard(tuple(described(folder / name, name) for name in info.files), info.documents, info.images, info.extra)
    files = [asdict(file) for file in shard.files]
    (folder / "manifest.json").write_text(
        json.dumps({"fingerprint": "f", "shards": [{"files": files, "documents": info.documents}]})
    )
    (folder / SHARDS).parent.mkdir(exist_ok=True)
    (folder / SHARDS).write_bytes(pack_shards([shard.entry()]))
    return info


def read(folder: Path) -> list[Document]:
    source: Any = (ReadDocuments if (folder / "data").exists() else ReadWebdataset)(paths=str(folder))
    return [doc for split in source.splits() for doc in source.read(split)]


def test_each_different_caption_makes_a_pair_and_an_alt_text_makes_one() -> None:
    found = [(pair.image.position, pair.text, pair.positions, pair.again) for pair in pairs(COCO, "each")]
    assert found == [(3, "Two boats.", (4,), False), (3, "Boats at dawn.", (5,), True), (7, "a quay", (), False)]


def test_by_default_captions_are_the_lines_of_one_text() -> None:
    assert [pair.text for pair in pairs(COCO)] == ["Two boats.\nBoats at dawn.\nTwo boats.", "a quay"]


def test_a_caption_that_repeats_one_counts_as_left_out() -> None:
    assert (omitted_texts(COCO, "pairs", "each"), omitted_texts(COCO, "pairs")) == ([0, 6], [0])


def test_tars_have_a_sample_for_each_caption_and_count_its_picture_once(tmp_path: Path) -> None:
    info = written(tmp_path, TARS, COCO)
    samples = list(StreamingDocuments(str(tmp_path), shuffle=False))
    records = [sample.record for sample in samples]
    assert [(record["caption"], record["caption_position"]) for record in records] == [
        ("Two boats.", 4),
        ("Boats at dawn.", 5),
        ("a quay", None),
    ]
    assert (info.documents, info.images, info.extra["samples"]) == (1, 2, 3)


def test_keys_of_samples_name_the_caption_and_are_those_of_no_other_document(tmp_path: Path) -> None:
    alike = replace(COCO, id="d_3-4")
    written(tmp_path, TARS, COCO, alike, replace(COCO, id="d_3"))
    names = [Path(name).stem for name in _members(tmp_path / "shard-000000.tar") if name.endswith(".txt")]
    assert names[:3] == ["d_3-4", "d_3-5", "d_7"]
    assert len(set(names)) == 9


def test_tables_have_a_row_for_each_caption_and_count_its_picture_once(tmp_path: Path) -> None:
    info = written(tmp_path, TABLES, COCO)
    rows = pq.read_table(tmp_path / info.files[0], columns=["position", "caption", "caption_position"]).to_pylist()
    assert [tuple(row.values()) for row in rows] == [(3, "Two boats.", 4), (3, "Boats at dawn.", 5), (7, "a quay", None)]
    assert (info.documents, info.images, info.extra["samples"]) == (1, 2, 3)


def test_without_a_pair_for_each_caption_tables_have_no_column_for_them(tmp_path: Path) -> None:
    info = written(tmp_path, WriteParquet(layout="pairs"), COCO)
    assert "caption_position" not in pq.read_schema(tmp_path / info.files[0]).names


def test_samples_of_tables_are_those_of_tars(tmp_path: Path) -> None:
    for name, sink in (("tars", TARS), ("tables", TABLES)):
        written(tmp_path / name, sink, COCO)
    tars, tables = (list(StreamingDocuments(str(tmp_path / name), shuffle=False)) for name in ("tars", "tables"))
    assert [sample.members for sample in tables] == [sample.members for sample in tars]


@pytest.mark.parametrize("captions", ["each", "joined"])
def test_tars_and_tables_are_one_table_in_a_notebook(captions: Any, tmp_path: Path) -> None:
    alone = replace(COCO, id="e", elements=COCO.elements[-1:])
    sinks = (WriteWebdataset(layout="pairs", captions=captions), WriteParquet(layout="pairs", captions=captions))
    for name, sink in zip(("tars", "tables"), sinks, strict=True):
        written(tmp_path / name, sink, alone, COCO)
    tars, tables = (interloom.open(tmp_path / name).documents() for name in ("tars", "tables"))
    assert tars.to_pylist() == tables.to_pylist()
    assert tars.schema.names == tables.schema.names


def test_a_published_format_of_pairs_has_one_for_each_caption(tmp_path: Path) -> None:
    elements = [replace(part, url=f"https://x/{part.position}") if isinstance(part, Image) else part for part in COCO.elements]
    doc = COCO.with_elements(elements)
    for name in ("img2dataset", "datacomp"):
        written(tmp_path / name, WriteDocuments(format=name, captions="each"), doc)  # type: ignore[arg-type]
    captions = [text.text for found in read(tmp_path / "img2dataset") for text in found.texts]
    rows = pq.read_table(tmp_path / "datacomp" / "data" / "shard-000000.parquet").to_pylist()
    assert captions == [row["text"] for row in rows] == ["Two boats.", "Boats at dawn.", "a quay"]
    assert len({row["uid"] for row in rows}) == 3


@pytest.mark.parametrize("name", ["img2dataset", "datacomp"])
def test_a_published_format_of_pairs_counts_a_picture_once(name: Any, tmp_path: Path) -> None:
    elements = [replace(part, url=f"https://x/{part.position}") if isinstance(part, Image) else part for part in COCO.elements]
    sink = WriteDocuments(format=name, captions="each")
    info = sink.write(0, [COCO.with_elements(elements)], tmp_path)
    assert (info.documents, info.images, info.extra["samples"]) == (1, 2, 3)
    assert list(sink.omits_texts(COCO.with_elements(elements))) == [0, 6]


@pytest.mark.parametrize("sink", [TARS, TABLES])
def test_a_pair_that_is_read_is_a_document_of_its_own_and_is_written_as_it_was(sink: Any, tmp_path: Path) -> None:
    written(tmp_path / "one", sink, COCO)
    docs = read(tmp_path / "one")
    assert [(doc.id, [text.text for text in doc.texts]) for doc in docs] == [
        ("d#3.4", ["Two boats."]),
        ("d#3.5", ["Boats at dawn."]),
        ("d#7", ["a quay"]),
    ]
    filled = [doc.with_elements(replace(e, data=b"A") if isinstance(e, Image) else e for e in doc.elements) for doc in docs]
    written(tmp_path / "two", sink, *filled[:2])
    assert [(doc.id, doc.texts) for doc in read(tmp_path / "two")] == [(doc.id, doc.texts) for doc in docs[:2]]


@pytest.mark.parametrize("sink", [TARS, TABLES, WriteWebdataset(layout="pairs"), WriteParquet(layout="pairs")])
def test_pairs_of_a_document_and_of_its_copy_are_different_documents(sink: Any, tmp_path: Path) -> None:
    doc = Document(id="d", elements=(Image(position=1, format="png", data=b"A", alt="boats"),))
    written(tmp_path, sink, doc, replace(doc, id="d#1"))
    assert [doc.id for doc in read(tmp_path)] == ["d#1", "d#1#1"]


@pytest.mark.parametrize("sink", [WriteWebdataset(captions="each"), WriteParquet(captions="each")])
def test_a_pair_for_each_caption_needs_pairs(sink: Sink) -> None:
    assert list(sink.check()) == ["captions: each needs layout 'pairs'"]


def test_a_pair_for_each_caption_needs_a_format_of_pairs() -> None:
    problems = list(WriteDocuments(format="obelics", captions="each").check())
    assert problems == ["captions: each needs format img2dataset or datacomp"]


def _members(tar: Path) -> list[str]:
    with tarfile.open(tar) as file:
        return file.getnames()
