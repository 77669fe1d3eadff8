"""What a format can hold comes back: rows as they are published, read and written again, are the same rows."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from interloom.schemas.document import Document, Element, Image, Source, Text
from interloom.stages.read_documents import ReadDocuments
from interloom.stages.read_webdataset import ReadWebdataset
from interloom.stages.write_documents import WriteDocuments

OBELICS = {
    "images": ["https://ex.com/a.jpg", None],
    "metadata": json.dumps(
        [
            {
                "document_url": "https://ex.com/p",
                "unformatted_src": "https://ex.com/a.jpg",
                "src": "https://ex.com/a.jpg",
                "alt_text": "A boat",
                "original_width": 800,
                "original_height": 600,
                "format": "jpg",
            },
            None,
        ],
        separators=(",", ":"),
    ),
    "general_metadata": json.dumps(
        {
            "url": "https://ex.com/p",
            "warc_filename": "crawl-data/a.warc.gz",
            "warc_record_offset": 123,
            "warc_record_length": 456,
        },
        separators=(",", ":"),
    ),
    "texts": [None, "paragraph"],
}
MMC4 = {
    "image_info": [
        {
            "face_detections": None,
            "image_name": "bfc12f2b6ad9.jpg",
            "matched_sim": 0.27694183588027954,
            "matched_text_index": 2,
            "raw_url": "http://www.hfitinfo.com/honda_fit_pics/3/2/index.90.jpg",
        }
    ],
    "similarity_matrix": [[0.0, 0.0, 0.27694183588027954]],
    "text_list": ["When you lock the door ...", "Press the master door lock ...", "When you lock/unlock ..."],
    "url": "http://www.hfitinfo.com/hofi-48.html",
    "could_have_url_duplicate": 0,
}


PNG = b"\x89PNG\r\n\x1a\nink"
OMNICORPUS = {
    "general_metadata": {
        **{"domain": ["ex.com"], "fluency_prob": 0.93, "id": "omni-1", "non_advertisement_prob": 0.98},
        **{"politics_prob": 0.01, "porn_prob": 0.0, "toxic_prob": 0.02, "url": "https://ex.com/a"},
    },
    "images": [None, "https://ex.com/1.jpg", None],
    "texts": ["intro", None, "body"],
    "metadata": [
        None,
        {
            **{"aesthetic_prob": 4.9, "bytes": 51234, "d_hash": "", "d_hash_dup_count": 1, "height": 600},
            **{"img_url_sha": hashlib.sha256(b"https://ex.com/1.jpg").hexdigest(), "p_hash": "f0" * 8},
            **{"p_hash_dup_count": 2, "unsafe_prob": 0.01, "width": 800},
        },
        None,
    ],
}
REALSYN = {"raw_image_url": "https://a/x.jpg", "text1": "one", "text2": "two", "text3": "three", "syn_text": "made"}
DATACOMP = {
    **{"uid": "ab" * 16, "url": "http://a/1.jpg", "text": "a boat", "original_width": 80, "original_height": 60},
    **{"clip_b32_similarity_score": 0.25, "clip_l14_similarity_score": 0.5, "face_bboxes": [[0.1, 0.2, 0.3, 0.4]]},
    "sha256": "c" * 64,
}


def read(path: Path, format: str) -> list[Document]:
    source = ReadDocuments(paths=str(path), format=format)  # type: ignore[arg-type]
    return [doc for split in source.splits() for doc in source.read(split) if isinstance(doc, Document)]


def write(folder: Path, format: str, *docs: Document) -> Path:
    """Writes documents; the shard."""
    info = WriteDocuments(format=format).write(0, docs, folder)  # type: ignore[arg-type]
    return folder / info.files[0]


@pytest.mark.parametrize(
    ("format", "row"),
    [
        ("obelics", OBELICS),
        ("omnicorpus", OMNICORPUS),
        ("mmc4", MMC4),
        ("realsyn", REALSYN),
        ("datacomp", DATACOMP),
        ("mint_html", {"url": "https://ex.com/p", **OBELICS, "bff_contained_ngram_count_before_dedupe": 29}),
    ],
)
def test_a_published_row_that_is_read_is_written_as_it_was(tmp_path: Path, format: str, row: dict[str, Any]) -> None:
    (tmp_path / "in.jsonl").write_text(json.dumps(row))
    shard = write(tmp_path, format, *read(tmp_path / "in.jsonl", format))
    [written] = pq.read_table(shard).to_pylist() if shard.suffix == ".parquet" else [json.loads(shard.read_text())]
    if format == "mmc4":  # a hash of the URL, which is not read
        written["image_info"][0]["image_name"] = row["image_info"][0]["image_name"]
    if format == "omnicorpus":  # that of our document
        written["general_metadata"]["id"] = row["general_metadata"]["id"]
    assert written == row


@pytest.mark.parametrize("format", ["nemo_curator", "omnicorpus", "pin", "data_juicer"])
def test_documents_with_one_id_in_the_input_stay_apart(tmp_path: Path, format: str) -> None:
    texts = {"a": "Ink.", "b": "Tar."}
    docs = [Document(id=id_, labels={"source_id": "7"}, elements=(Text(position=0, text=t),)) for id_, t in texts.items()]
    back = read(write(tmp_path, format, *docs), format)
    assert {doc.labels["source_id"]: doc.text for doc in back} == texts


IMAGE = Image(position=1, data=PNG, format="png")
URL_IMAGE = replace(IMAGE, url="https://ex.com/1.png")
PAGE = Source(url="https://ex.com/p")
DOCUMENTS = {
    "pin": Document(
        id="x",
        source=replace(PAGE, licence="CC-BY-4.0", date="2024-03-01"),
        labels={"language": "en", "source_dataset": "s", "oi_source": "ori", "overall_image": "[3]", "source_id": "1997"},
        scores={"text_block_count": 4.0},
        elements=(Text(position=0, text="# Title"), IMAGE, Text(position=2, text="Text\n\nmore"), replace(IMAGE, position=3)),
    ),
    "textbook": Document(
        id="x",
        labels={"video": "-1uixJ1V-As"},
        elements=(
            Text(position=0, text="E = mc2", origin="ocr"),
            replace(IMAGE, start_s=10.0, end_s=55.0, page=2),
            Text(position=2, text="speech", origin="asr"),
            Text(position=3, text="F = ma", origin="ocr"),
            Text(position=4, text="more", origin="asr"),
            replace(IMAGE, position=5, start_s=55.0, end_s=60.0, page=3),
            Text(position=6, text="p = mv", origin="ocr"),
        ),
    ),
    "nemo_curator": Document(
        id="x",
        source=PAGE,
        labels={"topic": "sea", "source_id": "one"},
        scores={"quality": 0.5},
        elements=(Text(position=0, text="A boat."), URL_IMAGE, Text(position=2, text="A pier.")),
    ),
    "data_juicer": Document(
        id="x",
        source=replace(PAGE, date="2024-03-01"),
        labels={"src": "web", "source_id": "one"},
        scores={"text_len": 9.0},
        elements=(Text(position=0, text="A boat."), URL_IMAGE, Text(position=2, text="A pier."), Text(position=3, text="Fog.")),
    ),
}


@pytest.mark.parametrize("format", sorted(DOCUMENTS))
def test_a_document_that_is_written_is_read_as_it_was(tmp_path: Path, format: str) -> None:
    doc = DOCUMENTS[format]
    [back] = read(write(tmp_path, format, doc), format)
    assert [_with_bytes(element) for element in back.elements] == [_with_bytes(element) for element in doc.elements]
    counts = ("image_num", "text_num", "token_num")
    assert {name: value for name, value in back.scores.items() if name not in counts} == doc.scores
    assert {**back.labels, "source_id": ""} == {**doc.labels, "source_id": ""}
    assert back.labels.get("source_id", doc.id) == doc.id
    assert (back.source.url, back.source.licence, back.source.date) == (doc.source.url, doc.source.licence, doc.source.date)


@pytest.mark.parametrize("format", ["nemo_curator", "data_juicer"])
def test_labels_and_scores_of_one_name_are_both_there_and_the_url_is_that_of_the_page(tmp_path: Path, format: str) -> None:
    labels, scores = {"language": "en", "url": "other", "date": "long ago"}, {"language": 0.75, "language_score": 0.5}
    doc = replace(DOCUMENTS[format], labels=labels, scores=scores, source=Source(url="https://ex.com/p"))
    [back] = read(write(tmp_path, format, doc), format)
    assert (back.source.url, back.source.date) == ("https://ex.com/p", "")
    assert {name: back.labels.get(name) for name in labels} == {**labels, "url": None}
    assert sorted(back.scores.values()) == [0.5, 0.75]


@pytest.mark.parametrize("text", ["Write <img src='a.png'> here.", "As ![alt](b.png) shows", "<IMG\nsrc='c.png'>"])
def test_a_text_of_pin_that_looks_like_an_image_comes_back_as_a_text(tmp_path: Path, text: str) -> None:
    [back] = read(write(tmp_path, "pin", Document(id="x", elements=(Text(position=0, text=text), IMAGE))), "pin")
    assert [type(element) for element in back.elements] == [Text, Image]


def _with_bytes(element: Element) -> Element:
    """The element with the bytes to which it refers, without their place and the name of their file."""
    if not isinstance(element, Image):
        return element
    blob = element.blob
    data = element.data if blob is None else Path(blob.path).read_bytes()[blob.offset : blob.offset + blob.size]
    return replace(element, data=data, blob=None, url=element.url if element.url.startswith("https://") else "")


def test_pairs_of_img2dataset_are_read_as_they_were(tmp_path: Path) -> None:
    image = replace(IMAGE, position=0, url="http://a/1.jpg", width=8, height=6, sha256="c" * 64)
    doc = Document(id="x", elements=(image, Text(position=1, text="a boat", role="caption", of=0)))
    shard = write(tmp_path, "img2dataset", doc)
    [tabled] = read(shard.with_suffix(".parquet"), "img2dataset")
    assert tabled.elements == (replace(image, data=None, format=""), *doc.texts)
    source = ReadWebdataset(paths=str(shard))
    [back] = [doc for split in source.splits() for doc in source.read(split) if isinstance(doc, Document)]
    [read_image] = back.images
    assert (read_image.url, read_image.width, read_image.sha256) == ("http://a/1.jpg", 8, "c" * 64)
    assert [text.text for text in back.texts] == ["a boat"]
