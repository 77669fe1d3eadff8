"""Records as their authors publish them, read by name and by what their fields say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from interloom.pipeline.contents import IMAGE_BYTES, IMAGE_FORMAT
from interloom.schemas.document import Blob, Clip, Document, Element, Image, Text
from interloom.schemas.outcome import Quarantined
from interloom.stages.read_documents import ReadDocuments

PNG = b"\x89PNG\r\n\x1a\nink"
Record = dict[str, Any]


def outcomes(folder: Path, rows: Any, ending: str, **parameters: Any) -> list[Any]:
    """What is read of rows in a file of this kind."""
    rows = rows if isinstance(rows, list) else [rows]
    file = folder / f"in{ending}"
    if ending == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), file)
    else:
        file.write_text(json.dumps(rows) if ending == ".json" else "".join(json.dumps(row) + "\n" for row in rows))
    source = ReadDocuments(paths=str(file), **parameters)
    return [outcome for split in source.splits() for outcome in source.read(split)]


def document(folder: Path, row: Record, ending: str, name: str) -> Document:
    """The document of a record, which is the same if the format is named and if it is recognised."""
    [named], [recognised] = (outcomes(folder, row, ending, format=format_) for format_ in (name, "auto"))
    assert isinstance(named, Document), named
    assert named == recognised
    return named


OMNICORPUS: Record = {
    "general_metadata": {
        **{"domain": ["ex.com", "b.org"], "fluency_prob": 0.93, "id": "omni-1", "non_advertisement_prob": 0.98},
        **{"politics_prob": 0.01, "porn_prob": 0.0, "toxic_prob": 0.02, "url": "https://ex.com/a"},
    },
    "images": [None, "https://ex.com/1.jpg", None],
    "texts": ["intro", None, "body"],
    "metadata": [
        None,
        {
            **{"aesthetic_prob": 4.9, "bytes": 51234, "d_hash": "x", "d_hash_dup_count": 1, "height": 600, "img_url_sha": "y"},
            **{"p_hash": "F0" * 8, "p_hash_dup_count": 2, "unsafe_prob": 0.01, "width": 800},
        },
        None,
    ],
}


@pytest.mark.parametrize("ending", [".parquet", ".jsonl"])
def test_omnicorpus(tmp_path: Path, ending: str) -> None:
    doc = document(tmp_path, OMNICORPUS, ending, "omnicorpus")
    measures = {"aesthetic_prob": 4.9, "unsafe_prob": 0.01, "bytes": 51234.0, "d_hash_dup_count": 1.0, "p_hash_dup_count": 2.0}
    image = Image(position=1, url="https://ex.com/1.jpg", width=800, height=600, phash="f0" * 8, scores=measures)
    assert doc.elements == (Text(position=0, text="intro"), image, Text(position=2, text="body"))
    assert (doc.source.url, doc.labels) == ("https://ex.com/a", {"domain": '["ex.com", "b.org"]', "source_id": "omni-1"})
    assert doc.scores == {
        **{"fluency_prob": 0.93, "non_advertisement_prob": 0.98, "politics_prob": 0.01, "porn_prob": 0.0, "toxic_prob": 0.02}
    }


def test_obelics_with_rendered_sizes(tmp_path: Path) -> None:
    detail = {"document_url": "https://ex.com/p", "src": "https://ex.com/a.jpg", "alt_text": "a", "rendered_width": 400}
    detail |= {"rendered_height": 300, "original_width": 800, "original_height": 600, "format": "jpg"}
    page = {"url": "https://ex.com/p", "warc_filename": "crawl-data/x", "warc_record_offset": 123, "warc_record_length": 456}
    row: Record = {"images": ["https://ex.com/a.jpg", None], "texts": [None, "paragraph"]}
    row |= {"metadata": json.dumps([detail, None]), "general_metadata": json.dumps(page)}
    doc = document(tmp_path, row, ".parquet", "obelics")
    [image] = doc.images
    assert (image.alt, image.width, image.scores) == ("a", 800, {"rendered_width": 400.0, "rendered_height": 300.0})
    assert (doc.source.path, doc.source.offset, doc.source.length) == ("crawl-data/x", 123, 456)


MMC4: Record = {
    "image_info": [
        {
            "face_detections": None,
            "image_name": "b.jpg",
            "matched_sim": 0.277,
            "matched_text_index": 2,
            "raw_url": "http://h/90.jpg",
        },
        {
            "face_detections": None,
            "image_name": "c.jpg",
            "matched_sim": 0.323,
            "matched_text_index": 1,
            "raw_url": "http://h/91.jpg",
        },
    ],
    "similarity_matrix": [[0.2436, 0.3176, 0.2769], [0.2233, 0.3235, 0.2612]],
    "text_list": ["When you lock", "Press the master", "When you lock/unlock"],
    "url": "http://h/48.html",
    "could_have_url_duplicate": 0,
}


def test_mmc4_with_its_matrix(tmp_path: Path) -> None:
    doc = document(tmp_path, MMC4, ".jsonl", "mmc4")
    assert [getattr(part, "text", getattr(part, "url", "")) for part in doc.elements] == [
        *("When you lock", "http://h/91.jpg", "Press the master", "http://h/90.jpg", "When you lock/unlock")
    ]
    assert json.loads(doc.labels["similarities"]) == {
        "1": {"0": 0.2233, "1": 0.3235, "2": 0.2612},
        "3": {"0": 0.2436, "1": 0.3176, "2": 0.2769},
    }
    assert doc.scores == {"could_have_url_duplicate": 0.0}


def test_mint_html(tmp_path: Path) -> None:
    row: Record = {"texts": ["page text", None], "images": [None, "http://a/1.png"], "url": "http://a/"}
    row |= {"metadata": "[null, null]", "bff_contained_ngram_count_before_dedupe": 29}
    doc = document(tmp_path, row | {"language_id_whole_page_fasttext": {"en": 0.97}}, ".parquet", "mint_html")
    assert doc.elements == (Text(position=0, text="page text"), Image(position=1, url="http://a/1.png"))
    assert (doc.source.url, doc.labels) == ("http://a/", {"language": "en"})
    assert doc.scores == {"language": 0.97, "bff_contained_ngram_count_before_dedupe": 29.0}


def test_pin(tmp_path: Path) -> None:
    for name in ("content_image/1997-0.png", "overall_image/1997.png"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(PNG)
    row: Record = {
        "id": 1997,
        "meta": {
            "language": "en",
            "oi_exist": True,
            "oi_source": "compiling",
            "source_dataset": "example_source",
            "doc_id": 1997,
        },
        "license": "CC-BY-4.0",
        "quality_signals": {"text_block_count": 4, "image_text_interleaving_count": 3.24},
        "content_image": ["content_image/1997-0.png"],
        "md": "# Title\n\n<img src='content_image/1997-0.png'>\n\nText\n\nmore\n\n![a boat](http://a/1.png)",
        "overall_image": "overall_image/1997.png",
    }
    doc = document(tmp_path, row, ".jsonl", "pin")
    assert [(type(part), getattr(part, "text", getattr(part, "url", ""))) for part in doc.elements] == [
        (Text, "# Title"),
        (Image, "content_image/1997-0.png"),
        (Text, "Text\n\nmore"),
        (Image, "http://a/1.png"),
        (Image, "overall_image/1997.png"),
    ]
    assert [image.blob and image.blob.size for image in doc.images] == [len(PNG), None, len(PNG)]
    assert (doc.images[1].alt, doc.source.licence) == ("a boat", "CC-BY-4.0")
    known = {"language": "en", "source_dataset": "example_source", "oi_source": "compiling", "overall_image": "[4]"}
    assert doc.labels == {**known, "source_id": "1997"}
    assert doc.scores == {"text_block_count": 4.0, "image_text_interleaving_count": 3.24}


def test_textbook(tmp_path: Path) -> None:
    name = "-1uixJ1V-As/-1uixJ1V-As@10.0_55.0#2.jpg"
    row: Record = {"images": [name, None, None], "texts": [None, "speech", "more"]}
    row |= {"text_ocr_list": [None, "speech\nE = mc2", "more"], "metadata": [None, None, None]}
    row |= {"image_num": 1, "text_num": 425, "token_num": 1001}
    doc = document(tmp_path, row, ".json", "textbook")
    frame = Image(position=0, url=name, start_s=10.0, end_s=55.0, page=2)
    spoken = (Text(position=1, text="speech", origin="asr"), Text(position=2, text="E = mc2", origin="ocr"))
    assert doc.elements == (frame, *spoken, Text(position=3, text="more", origin="asr"))
    assert (doc.labels, doc.scores) == ({"video": "-1uixJ1V-As"}, {"image_num": 1.0, "text_num": 425.0, "token_num": 1001.0})


def test_realsyn(tmp_path: Path) -> None:
    row: Record = {"raw_image_url": "https://a/x.jpg", "text1": "one", "text2": "two", "text3": "three", "syn_text": "made"}
    doc = document(tmp_path, row, ".parquet", "realsyn")
    origins = {"one": "body", "two": "retrieved", "three": "retrieved", "made": "generated"}
    texts = [Text(position=n, text=t, role="caption", origin=origin, of=0) for n, (t, origin) in enumerate(origins.items(), 1)]
    assert doc.elements == (Image(position=0, url="https://a/x.jpg"), *texts)


def test_laion(tmp_path: Path) -> None:
    row: Record = {"URL": "http://a/1.jpg", "TEXT": "a boat", "WIDTH": 800, "HEIGHT": 600, "LANGUAGE": "de", "hash": -5}
    measures = {"similarity": 0.31, "pwatermark": 0.1, "punsafe": 0.01}
    doc = document(tmp_path, row | measures, ".parquet", "img2dataset")
    image = Image(position=0, url="http://a/1.jpg", width=800, height=600, scores=measures)
    assert doc.elements == (image, Text(position=1, text="a boat", role="caption", of=0))
    assert (doc.labels, doc.scores) == ({"language": "de"}, {"hash": -5.0})


def test_tables_of_img2dataset(tmp_path: Path) -> None:
    row: Record = {"url": "http://a/1.jpg", "caption": "a boat", "key": "000000017", "status": "failed_to_download"}
    row |= {"error_message": "404", "width": None, "height": None, "original_width": None, "exif": None, "sha256": None}
    doc = document(tmp_path, row, ".jsonl", "img2dataset")
    assert doc.elements == (Image(position=0, url="http://a/1.jpg"), Text(position=1, text="a boat", role="caption", of=0))
    assert doc.labels == {"source_id": "000000017", "status": "failed_to_download", "error_message": "404"}


@pytest.mark.parametrize("ending", [".parquet", ".jsonl"])
@pytest.mark.parametrize("medium", ["url", "video", "raw_image_url"])
def test_a_caption_beside_a_text_that_is_not_known_makes_no_pair(tmp_path: Path, medium: str, ending: str) -> None:
    row = {medium: "http://a/1.jpg", "caption": "photo", "body": "The harbour was built in the year 1850."}
    [outcome] = outcomes(tmp_path, row, ending)
    assert isinstance(outcome, Quarantined)
    assert "no string in field 'text'" in outcome.error


def test_a_format_that_the_recipe_names_needs_no_fields_but_those_that_are_read(tmp_path: Path) -> None:
    row = {"url": "http://a/1.jpg", "caption": "photo", "body": "The harbour was built in the year 1850."}
    [doc] = outcomes(tmp_path, row, ".jsonl", format="img2dataset")
    assert doc.images[0].url == "http://a/1.jpg"


@pytest.mark.parametrize("facts", [{}, {"id": 7, "license": "CC BY 4.0"}, {"sha256": "0" * 64, "title": "The harbour of Hull"}])
def test_a_url_and_a_caption_are_a_pair_beside_facts_alone(tmp_path: Path, facts: Record) -> None:
    [doc] = outcomes(tmp_path, {"url": "http://a/1.jpg", "caption": "a boat", **facts}, ".jsonl")
    assert isinstance(doc, Document)
    assert [text.text for text in doc.texts] == ["a boat"]


def test_datacomp(tmp_path: Path) -> None:
    similarities = {"clip_b32_similarity_score": 0.25, "clip_l14_similarity_score": 0.5}
    row: Record = {"uid": "ab" * 16, "url": "http://a/1.jpg", "text": "a boat", "original_width": 80, "original_height": 60}
    row |= {"face_bboxes": [[0.1, 0.2, 0.3, 0.4]], "sha256": "c" * 64}
    doc = document(tmp_path, row | similarities, ".parquet", "datacomp")
    image = Image(position=0, url="http://a/1.jpg", width=80, height=60, sha256="c" * 64, scores=similarities)
    assert doc.elements == (image, Text(position=1, text="a boat", role="caption", of=0))
    assert doc.labels == {"source_id": "ab" * 16, "face_bboxes": "[[0.1, 0.2, 0.3, 0.4]]"}


def test_data_juicer(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    text = "<__dj__image> A boat. <|__dj__eoc|> A pier. <__dj__video> <__dj__image> <|__dj__eoc|>"
    row: Record = {"text": text, "images": ["a.png", "http://a/2.png"], "videos": ["film.mp4"]}
    row |= {"meta": {"url": "http://a/", "src": "web"}, "__dj__stats__": {"text_len": 9, "image_sizes": [1, 2]}}
    doc = document(tmp_path, row, ".jsonl", "data_juicer")
    expected: list[Element] = [
        Image(position=0, url="a.png", format="png", blob=Blob(str(tmp_path / "a.png"), 0, len(PNG))),
        Text(position=1, text="A boat."),
        Text(position=2, text="A pier."),
        Clip(position=3, url="film.mp4", format="mp4"),
        Image(position=4, url="http://a/2.png"),
    ]
    assert list(doc.elements) == expected
    assert (doc.source.url, doc.labels, doc.scores) == ("http://a/", {"src": "web"}, {"text_len": 9.0})


def row_of_nemo(sample: str, position: int, modality: str, **content: Any) -> Record:
    names = ("content_type", "text_content", "binary_content", "source_ref", "materialize_error")
    return {"sample_id": sample, "position": position, "modality": modality, **dict.fromkeys(names), **content}


def test_nemo_curator(tmp_path: Path) -> None:
    (tmp_path / "all.bin").write_bytes(b"...inkink")
    reference = json.dumps({"path": "all.bin", "member": None, "byte_offset": 3, "byte_size": 3, "frame_index": None})
    rows = [
        row_of_nemo("one", -1, "metadata", text_content='{"url": "http://a/", "topic": "sea", "quality": 0.5}'),
        row_of_nemo("one", 1, "image", content_type="image/png", binary_content=PNG),
        row_of_nemo("one", 0, "text", content_type="text/plain", text_content="A boat."),
        row_of_nemo("one", 2, "image", source_ref=reference),
        row_of_nemo("two", 0, "text", text_content="A pier."),
        row_of_nemo("two", 0, "text", text_content="twice"),
    ]
    first, second = outcomes(tmp_path, rows, ".parquet")
    blob = Blob(str(tmp_path / "all.bin"), 3, 3)
    images = (Image(position=1, data=PNG, format="png"), Image(position=2, url="all.bin", blob=blob))
    assert first.elements == (Text(position=0, text="A boat."), *images)
    assert (first.source.url, first.labels, first.scores) == ("http://a/", {"topic": "sea", "source_id": "one"}, {"quality": 0.5})
    assert second.error == "the position 0 is none, or is repeated (row 4, in.parquet)"


@pytest.mark.parametrize("path", ["/etc/passwd", "../secret", "in.parquet"])
def test_a_reference_of_nemo_curator_leads_to_nothing_outside(tmp_path: Path, path: str) -> None:
    reference = json.dumps({"path": path, "byte_offset": 0, "byte_size": 1 << 40})
    [doc] = outcomes(tmp_path, row_of_nemo("one", 0, "image", source_ref=reference), ".parquet")
    assert doc.elements == (Image(position=0, url=path),)


def test_mmtrail(tmp_path: Path) -> None:
    row: Record = {
        **{"video_id": "zW1", "video_path": "zW1.mp4", "video_fps": 25.0, "video_resolution": [720, 1280], "clip_id": "zW1_141"},
        **{"clip_path": "zW1_141.mp4", "clip_duration": 9.92, "clip_start_end_idx": [27102, 27350], "image_quality": 45.51},
        **{"of_score": 6.99, "aesthetic_score": [4.0, 5.0, 6.0], "frame_caption": ["a man", "a car"], "ocr_score": 0.0},
        **{"music_caption": [{"text": "drums", "time": "0:00"}], "merge_caption": "A man drives.", "objects": ["car"]},
    }
    doc = document(tmp_path, row, ".json", "mmtrail")
    clip = Clip(position=0, url="zW1_141.mp4", format="mp4", start_s=1084.08, end_s=1094.0, width=1280, height=720)
    assert doc.elements[0] == clip
    assert [(text.text, text.path) for text in doc.texts] == [
        *(("A man drives.", "merge_caption"), ("a man", "frame_caption"), ("a car", "frame_caption"), ("drums", "music_caption"))
    ]
    assert doc.labels == {"source_id": "zW1_141", "video_id": "zW1", "video_path": "zW1.mp4"}
    assert doc.scores == {
        "aesthetic_score": 5.0,
        "clip_duration": 9.92,
        "image_quality": 45.51,
        "of_score": 6.99,
        "ocr_score": 0.0,
    }


def test_pu_valor(tmp_path: Path) -> None:
    meta = {"duration": 30.0, "token": {"<s0>": 0.0, "<e0>": 12.5, "<s1>": 12.5, "<e1>": 30.0}}
    turns = [{"from": "human", "value": "What happens?"}, {"from": "gpt", "value": "A dog barks from <s0> to <e0>."}]
    row: Record = {"id": "v1", "source": "pseudo-valor", "meta": meta, "sub_videos": ["a", "b"], "scale": [1, 2]}
    doc = document(tmp_path, row | {"conversations": turns}, ".json", "pu_valor")
    clips = (Clip(position=0, url="a", start_s=0.0, end_s=12.5), Clip(position=1, url="b", start_s=12.5, end_s=30.0))
    texts = [Text(position=n, text=turn["value"]) for n, turn in enumerate(turns, 2)]
    assert doc.elements == (*clips, *texts)
    assert (doc.labels, doc.scores) == ({"source_id": "v1", "source": "pseudo-valor"}, {"duration": 30.0})


def test_openvid(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(
        "video,caption,aesthetic score,motion score,temporal consistency score,camera motion,frame,fps,seconds\n"
        'a_0_1TO9.mp4,"A boat, at sea.",5.1,2.0,0.99,pan,90,30,3.0\n'
    )
    source = ReadDocuments(paths=str(tmp_path))
    [doc] = [outcome for split in source.splits() for outcome in source.read(split)]
    assert isinstance(doc, Document)
    caption = Text(position=1, text="A boat, at sea.", role="caption", origin="generated", of=0)
    assert doc.elements == (Clip(position=0, url="a_0_1TO9.mp4", format="mp4", start_s=0.0, end_s=3.0), caption)
    scores = {"aesthetic score": 5.1, "motion score": 2.0, "temporal consistency score": 0.99, "frame": 90.0, "fps": 30.0}
    assert (doc.labels, doc.scores) == ({"camera motion": "pan"}, scores)


@pytest.mark.parametrize(
    ("name", "row", "error"),
    [
        ("omnicorpus", {**OMNICORPUS, "images": []}, "'texts' has 3 entries, but 'images' has 0"),
        ("pin", {"md": 3, "content_image": []}, "no string in field 'md'"),
        ("realsyn", {"raw_image_url": None}, "nothing in field 'raw_image_url'"),
        ("img2dataset", {"URL": None, "TEXT": "a"}, "no string in field 'URL' or 'url'"),
        ("datacomp", {"uid": "a", "url": 3, "text": "a", "clip_b32_similarity_score": 1}, "no string in field 'url'"),
        ("data_juicer", {"text": "<__dj__image>", "images": []}, "more tokens <__dj__image> than entries in 'images'"),
        ("mmtrail", {"clip_id": "a", "clip_path": 3}, "a video is no string but int"),
        ("pu_valor", {"sub_videos": [], "meta": 3}, "neither clips nor a dialogue"),
        ("nemo_curator", row_of_nemo("a", 0, "text"), "rows that are parts of a document are read from Parquet only"),
        ("mds", {"id": "a", "record": {}, "media": ""}, "not a sample that stages.write_documents wrote"),
    ],
)
def test_a_record_of_the_wrong_shape_is_quarantined(tmp_path: Path, name: str, row: Record, error: str) -> None:
    [wrong] = outcomes(tmp_path, row, ".jsonl", format=name)
    assert isinstance(wrong, Quarantined) and wrong.error == f"{error} (byte 0, in.jsonl)"


def test_lpm(tmp_path: Path) -> None:
    folder = tmp_path / "speaker" / "lecture-1"
    folder.mkdir(parents=True)
    for n in (1, 2, 10):
        (folder / f"slide_{n:03}.jpg").write_bytes(b"\xff\xd8\xffink")
    (folder / "slide_001_spoken.csv").write_text("Word,Start,End\nwelcome,0.5,0.9\nall,1.0,1.4\n")
    (folder / "slide_001_ocr.csv").write_text("left,top,conf,text\n1,1,96.1,Cells\n1,1,12,junk\n1,1,-1,\n")
    source = ReadDocuments(paths=str(tmp_path), format="lpm")
    [doc] = [outcome for split in source.splits() for outcome in source.read(split)]
    assert isinstance(doc, Document)
    assert [(type(part), part.position, part.start_s, part.end_s) for part in doc.elements] == [
        (Image, 0, 0.5, 1.4),
        (Text, 1, 0.5, 1.4),
        (Text, 2, 0.5, 1.4),
        (Image, 3, None, None),
        (Image, 4, None, None),
    ]
    assert [(text.text, text.origin, text.of) for text in doc.texts] == [("welcome all", "asr", None), ("Cells", "ocr", 0)]
    assert [image.page for image in doc.images] == [1, 2, 10]
    assert doc.labels == {"source_id": "speaker/lecture-1"}


def test_a_broken_table_beside_a_slide_costs_its_lecture(tmp_path: Path) -> None:
    (tmp_path / "slide_001.jpg").write_bytes(b"ink")
    (tmp_path / "slide_001_spoken.csv").write_text("Word,Start,End\nwelcome\n")
    source = ReadDocuments(paths=str(tmp_path), format="lpm")
    [wrong] = [outcome for split in source.splits() for outcome in source.read(split)]
    assert isinstance(wrong, Quarantined)
    assert wrong.error == "slide_001_spoken.csv: 1 fields, but the header has 3 (slide_001.jpg)"


@pytest.mark.parametrize("ending", [".parquet", ".jsonl"])
@pytest.mark.parametrize("name", ["obelics", "mint_html", "omnicorpus"])
def test_a_text_and_an_image_at_the_same_place_of_parallel_lists_are_both_read(tmp_path: Path, name: str, ending: str) -> None:
    of_format: Record = {"mint_html": {"url": "http://p"}, "omnicorpus": {"general_metadata": {"fluency_prob": 0.5}}}
    row = {"texts": ["a", "b", "", None], "images": ["http://x/1", "", "http://x/2", "http://x/3"], **of_format.get(name, {})}
    doc = document(tmp_path, row, ending, name)
    assert [(part.position, part.text if isinstance(part, Text) else part.url) for part in doc.elements] == [  # type: ignore[attr-defined]
        (0, "a"),
        (1, "http://x/1"),
        (2, "b"),
        (3, "http://x/2"),
        (4, "http://x/3"),
    ]


def test_images_of_parallel_lists_may_be_bytes(tmp_path: Path) -> None:
    doc = document(tmp_path, {"texts": ["a", None], "images": [None, {"bytes": PNG, "path": None}]}, ".parquet", "obelics")
    assert doc.elements == (Text(position=0, text="a"), Image(position=1, data=PNG, format="png"))
    assert {IMAGE_BYTES, IMAGE_FORMAT} <= set(ReadDocuments(paths=str(tmp_path)).provides())


def test_texts_of_parallel_lists_that_are_no_strings_quarantine_their_row(tmp_path: Path) -> None:
    row = {"texts": [{"user": "What is it?", "assistant": "A boat."}], "images": [{"bytes": PNG, "path": None}]}
    [wrong] = outcomes(tmp_path, row, ".parquet")
    assert wrong.error == "entry 0 of 'texts' is no string but dict (row 0, in.parquet)"
