"""Documents in the formats in which others publish theirs: each field where their readers look for it."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pyarrow.parquet as pq
import pytest

from interloom.pipeline.stage import ShardInfo
from interloom.schemas.document import Document, Image, Source, Text
from interloom.stages._formats.names import PublishedName
from interloom.stages.write_documents import EXPORTS, WriteDocuments

URL = "https://ex.com/a.jpg"
PAGE = "https://ex.com/p"
IMAGE = Image(position=1, url=URL, alt="a boat", format="jpeg", width=800, height=600, data=b"ink", scores={"clip": 0.25})
DOC = Document(
    id="d1",
    source=Source(url=PAGE, path="c.warc.gz", offset=123, length=456, licence="CC BY"),
    labels={"language": "en"},
    scores={"quality": 0.5},
    elements=(Text(position=0, text="One."), IMAGE, Text(position=4, text="Two.")),
)
Written = Callable[..., tuple[Path, ShardInfo]]


@pytest.fixture
def write(tmp_path: Path) -> Written:
    """Writes one shard of documents in a format: the folder, and what the sink says of it."""

    def write(format: str, *docs: Document) -> tuple[Path, ShardInfo]:
        sink = WriteDocuments(format=format)  # type: ignore[arg-type]
        info = sink.write(0, docs, tmp_path)
        sink.finish([info], tmp_path)
        return tmp_path, info

    return write


def rows(folder: Path, info: ShardInfo) -> list[dict[str, Any]]:
    path = folder / info.files[0]
    if path.suffix == ".parquet":
        table: list[dict[str, Any]] = pq.read_table(path).to_pylist()
        return table
    text = path.read_text()
    return json.loads(text) if path.suffix == ".json" else [json.loads(line) for line in text.splitlines()]


def test_each_format_has_an_export() -> None:
    assert set(EXPORTS) == set(get_args(PublishedName))


@pytest.mark.parametrize("format", sorted(set(EXPORTS) - {"mds"}))
def test_documents_and_images_are_counted_and_each_file_is_named(write: Written, format: str) -> None:
    keyframe = Image(position=0, data=b"frame", format="png", start_s=1.0)
    docs = [DOC, Document(id="frames", elements=(keyframe,)), Document(id="lost", elements=(replace(IMAGE, data=None),))]
    folder, info = write(format, *docs, Document(id="empty"))
    omitted = [len(list(WriteDocuments(format=format).omits(doc))) for doc in docs]  # type: ignore[arg-type]
    assert (info.documents, info.images) == (4, 3 - sum(omitted))
    there = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}
    assert there - {"subset.npy"} == set(info.files)


def test_obelics_has_texts_and_urls_in_parallel_and_the_rest_as_json(write: Written) -> None:
    [row] = rows(*write("obelics", DOC))
    assert list(row) == ["images", "metadata", "general_metadata", "texts"]
    assert (row["texts"], row["images"]) == (["One.", None, "Two."], [None, URL, None])
    details = {"document_url": PAGE, "unformatted_src": URL, "src": URL, "alt_text": "a boat", "format": "jpeg"}
    assert json.loads(row["metadata"]) == [None, {**details, "original_width": 800, "original_height": 600}, None]
    place = {"warc_filename": "c.warc.gz", "warc_record_offset": 123, "warc_record_length": 456}
    assert json.loads(row["general_metadata"]) == {"url": PAGE, **place}


def test_mint_html_has_the_columns_of_obelics_and_a_url(write: Written) -> None:
    [row] = rows(*write("mint_html", DOC))
    assert list(row) == ["url", "images", "metadata", "general_metadata", "texts", "bff_contained_ngram_count_before_dedupe"]
    assert row["url"] == PAGE


def test_omnicorpus_has_typed_measures(write: Written) -> None:
    image = replace(IMAGE, phash="0f" * 8, scores={"aesthetic": 4.9, "unsafe_prob": 0.01})
    doc = replace(DOC, elements=(image,), scores={"fluency_prob": 0.93}, labels={"source_id": "abc"})
    [row] = rows(*write("omnicorpus", doc))
    general = row["general_metadata"]
    assert (general["domain"], general["id"], general["url"], general["fluency_prob"]) == (["ex.com"], "d1", PAGE, 0.93)
    [measures] = row["metadata"]
    assert (measures["aesthetic_prob"], measures["bytes"], measures["p_hash"]) == (4.9, 3, "0f" * 8)
    assert measures["img_url_sha"] == hashlib.sha256(URL.encode()).hexdigest()


def test_mmc4_matches_an_image_with_the_next_sentence(write: Written) -> None:
    [row] = rows(*write("mmc4", DOC))
    [image] = row["image_info"]
    assert (image["raw_url"], image["matched_text_index"], image["matched_sim"]) == (URL, 1, 0.25)
    assert (row["text_list"], row["similarity_matrix"], row["url"]) == (["One.", "Two."], [[0.0, 0.25]], PAGE)


def test_mmc4_has_the_sentences_and_the_matrix_of_place_images(write: Written) -> None:
    image = replace(IMAGE, scores={"matched_sim": 0.31, "matched_text": 2.0})
    labels = {"sentences": "[[0,0,4],[0,5,9],[4,0,4],[9,0,1]]", "similarities": '{"1":{"0":0.12,"2":0.31}}'}
    doc = replace(DOC, labels=labels, elements=(Text(position=0, text="One. Two."), image, Text(position=4, text="End.")))
    [row] = rows(*write("mmc4", doc))
    assert row["text_list"] == ["One.", "Two.", "End."]  # the text at position 9 is gone
    assert row["image_info"][0]["matched_text_index"] == 2
    assert row["similarity_matrix"] == [[0.12, 0.0, 0.31]]


def test_pin_has_markdown_and_images_as_files(write: Written) -> None:
    page = Image(position=9, data=b"page", format="png")
    heading = Text(position=0, text="Boats", role="heading")
    doc = replace(DOC, elements=(heading, IMAGE, page), labels={"language": "en", "overall_image": "[9]"})
    folder, info = write("pin", doc)
    [row] = rows(folder, info)
    assert row["md"] == "# Boats\n\n<img src='content_image/d1-0.jpg'>"
    assert (row["content_image"], row["overall_image"]) == (["content_image/d1-0.jpg"], "overall_image/d1-1.png")
    assert (folder / "content_image/d1-0.jpg").read_bytes() == b"ink"
    assert (row["license"], row["quality_signals"], row["meta"]["language"]) == ("CC BY", {"quality": 0.5}, "en")


def test_textbook_has_keyframes_with_times_in_their_names(write: Written) -> None:
    frame = replace(IMAGE, start_s=10.0, end_s=55.0, page=2)
    speech = Text(position=2, text="two words", origin="asr")
    shown = (
        Text(position=3, text="E=mc2", origin="ocr"),
        replace(frame, position=4, page=3),
        Text(position=5, text="F", origin="ocr"),
    )
    doc = replace(DOC, elements=(frame, speech, *shown))
    folder, info = write("textbook", doc, Document(id="b"))
    row, empty = rows(folder, info)
    assert row["images"] == ["d1/d1@10.0_55.0#2.jpg", None, "d1/d1@10.0_55.0#3.jpg", None]
    assert (row["texts"], row["text_ocr_list"]) == ([None, "two words", None, None], [None, "two words\nE=mc2", None, "F"])
    assert (row["image_num"], row["token_num"] - row["text_num"]) == (2, 2 * 576)
    assert (folder / "d1/d1@10.0_55.0#2.jpg").read_bytes() == b"ink"
    assert empty["texts"] == []


def test_realsyn_has_captions_then_retrieved_texts_then_a_synthetic_one(write: Written) -> None:
    texts = [("caption", "cap"), ("retrieved", "r1"), ("generated", "syn"), ("retrieved", "r2"), ("retrieved", "r3")]
    described = (Text(position=n, text=text, origin=origin, of=1) for n, (origin, text) in enumerate(texts, 2))
    assert rows(*write("realsyn", replace(DOC, elements=(IMAGE, *described)))) == [
        {"raw_image_url": URL, "text1": "cap", "text2": "r1", "text3": "r2", "syn_text": "syn"}
    ]


def test_img2dataset_has_jpg_txt_and_json_beside_a_table(write: Written) -> None:
    folder, _ = write("img2dataset", DOC)
    with tarfile.open(folder / "00000.tar") as tar:
        members = {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
    assert (members["000000000.jpg"], members["000000000.txt"]) == (b"ink", b"a boat")
    [row] = pq.read_table(folder / "00000.parquet").to_pylist()
    assert json.loads(members["000000000.json"]) == row
    assert (row["url"], row["key"], row["status"], row["width"]) == (URL, "000000000", "success", 800)
    assert json.loads((folder / "00000_stats.json").read_text())["successes"] == 1


def test_datacomp_has_metadata_and_a_sorted_subset_file(write: Written) -> None:
    def pairs() -> Iterator[Document]:
        for uid in ("ff" * 16, "00" * 15 + "01"):
            yield replace(DOC, labels={"source_id": uid}, elements=(IMAGE,))

    folder, info = write("datacomp", *pairs())
    assert [row["uid"] for row in rows(folder, info)] == ["ff" * 16, "00" * 15 + "01"]
    subset = np.load(folder / "subset.npy", allow_pickle=False)
    assert subset.dtype == np.dtype("u8,u8")
    assert subset.tolist() == [(0, 1), (2**64 - 1, 2**64 - 1)]


def test_datacomp_leaves_out_an_image_without_a_url(write: Written) -> None:
    doc = replace(DOC, elements=(IMAGE, replace(IMAGE, position=2, url="")))
    folder, info = write("datacomp", doc)
    assert [row["url"] for row in rows(folder, info)] == [URL]
    assert (list(WriteDocuments(format="datacomp").omits(doc)), info.images) == ([2], 1)


def test_nemo_curator_has_a_row_for_each_element_and_one_for_the_document(write: Written) -> None:
    about, one, image, two = rows(*write("nemo_curator", DOC))
    assert [(row["position"], row["modality"]) for row in (about, one, image, two)] == [
        (-1, "metadata"),
        (0, "text"),
        (1, "image"),
        (2, "text"),
    ]
    assert json.loads(about["text_content"]) == {"url": PAGE, "language": "en", "quality": 0.5}
    assert (image["content_type"], image["binary_content"]) == ("image/jpeg", b"ink")
    assert json.loads(image["source_ref"])["path"] == URL


def test_data_juicer_has_a_token_for_each_image(write: Written) -> None:
    lost = Image(position=8, url="https://ex.com/b.jpg")
    doc = replace(DOC, elements=(Text(position=0, text="One <__dj__image>"), IMAGE, Text(position=4, text="Two"), lost))
    folder, info = write("data_juicer", doc)
    [row] = rows(folder, info)
    assert row["text"] == "One  <|__dj__eoc|> <__dj__image> Two <|__dj__eoc|> <__dj__image> <|__dj__eoc|>"
    assert row["images"] == ["images/d1/1.jpg", "https://ex.com/b.jpg"]
    assert row["meta"]["image_urls"] == [URL, "https://ex.com/b.jpg"]
    assert (folder / "images/d1/1.jpg").read_bytes() == b"ink"


@pytest.mark.parametrize("format", ["obelics", "mmc4", "realsyn", "nemo_curator", "img2dataset"])
def test_half_a_surrogate_pair_and_nan_are_written_as_something_else(write: Written, format: str) -> None:
    text = Text(position=0, text="half \ud800", of=1, origin="caption")
    image = replace(IMAGE, scores={"clip": float("nan")})
    _, info = write(format, replace(DOC, elements=(text, image), scores={"q": float("inf")}))
    assert info.images == 1


def test_mds_holds_all_of_a_document(write: Written) -> None:
    streaming = pytest.importorskip("streaming")
    folder, _ = write("mds", DOC)
    [sample] = streaming.StreamingDataset(local=str(folder), batch_size=1)
    start, size = sample["record"]["members"]["1.jpg"]
    assert sample["media"][start : start + size] == b"ink"
    assert sample["record"]["texts"] == ["One.", None, "Two."]


def test_mds_without_its_library_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert list(WriteDocuments(format="mds").check()) == ['format: mds needs mosaicml-streaming: pip install "interloom[mds]"']
