import gzip
import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from interloom.schemas.document import Blob, Document, Image, Text
from interloom.schemas.outcome import Outcome, Quarantined
from interloom.schemas.table import to_table
from interloom.stages.read_documents import ReadDocuments
from interloom.stages.write_parquet import WriteParquet


def read(path: Path, **parameters: object) -> list[Outcome]:
    source = ReadDocuments(paths=str(path), **parameters)  # type: ignore[arg-type]
    return [outcome for split in source.splits() for outcome in source.read(split)]


def documents(outcomes: list[Outcome]) -> list[Document]:
    return [outcome for outcome in outcomes if isinstance(outcome, Document)]


def write_lines(path: Path, *rows: object) -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def test_our_own_parquet_round_trips(tmp_path: Path) -> None:
    docs = [Document(id=str(n), elements=(Text(position=0, text="a"), Image(position=1, url="u", alt="b"))) for n in range(700)]
    pq.write_table(to_table(docs), tmp_path / "docs.parquet", row_group_size=300)
    read_back = documents(read(tmp_path))
    assert [replace(doc, id=doc.labels["source_id"], labels={}) for doc in read_back] == docs


def test_our_own_shards_come_back_with_their_media(tmp_path: Path) -> None:
    images = (Image(position=0, data=b"ink", format="png"), Image(position=2, data=b"dye", format="png"))
    docs = [Document(id="a", elements=(*images, replace(images[0], position=5))), Document(id="b")]
    WriteParquet().write(0, docs, tmp_path)
    assert [doc.elements for doc in documents(read(tmp_path))] == [doc.elements for doc in docs]


def test_a_reference_into_a_run_is_not_taken_from_a_file(tmp_path: Path) -> None:
    doc = Document(id="a", elements=(Image(position=0, blob=Blob("/etc/passwd", 0, 9)),))
    pq.write_table(to_table([doc]), tmp_path / "docs.parquet")
    assert [doc.elements for doc in documents(read(tmp_path))] == [(Image(position=0),)]


def test_our_own_format_is_parquet_only(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "t.jsonl", {"id": "a"})
    assert list(ReadDocuments(paths=str(path), format="interloom").check()) == [f"{path}: format interloom is Parquet only"]
    assert [outcome.error for outcome in read(path, format="interloom") if isinstance(outcome, Quarantined)] == [
        "format interloom is Parquet only (byte 0, t.jsonl)"
    ]


def test_text_rows_keep_url_id_and_date(tmp_path: Path) -> None:
    path = write_lines(
        tmp_path / "t.jsonl", {"text": "hello", "url": "http://a.org", "id": "x1", "date": "2020"}, {"text": "more"}
    )
    first, second = documents(read(path))
    assert (first.labels, first.text, first.source.url, first.source.date) == (
        {"source_id": "x1"},
        "hello",
        "http://a.org",
        "2020",
    )
    assert (second.labels, second.text) == ({}, "more")


@pytest.mark.parametrize("size", [1, 7, 64, 1000, 100_000])
def test_splits_of_any_size_cover_each_line_once(tmp_path: Path, size: int) -> None:
    path = write_lines(tmp_path / "t.jsonl", *({"text": "x" * (n * 7 % 50), "id": f"n{n}"} for n in range(100)))
    assert [doc.labels["source_id"] for doc in documents(read(path, split_size_bytes=size))] == [f"n{n}" for n in range(100)]


def test_ids_do_not_depend_on_the_size_of_splits(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "t.jsonl", *({"text": str(n)} for n in range(50)))
    assert documents(read(path, split_size_bytes=40)) == documents(read(path))


def test_a_broken_line_costs_only_itself(tmp_path: Path) -> None:
    deep = "[" * 100_000
    path = write_lines(
        tmp_path / "t.jsonl", {"text": "a"}, "{oops", '{"text": 3}', "[1]", "", deep, '{"other": 1}', {"text": "z"}
    )
    outcomes = read(path)
    assert [doc.text for doc in documents(outcomes)] == ["a", "z"]
    bad = [outcome.error for outcome in outcomes if isinstance(outcome, Quarantined)]
    assert len(bad) == 5 and "(byte 14, t.jsonl)" in bad[0]


def test_an_overlong_line_is_quarantined(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "t.jsonl", {"text": "a"}, {"text": "x" * 5000}, {"text": "z"})
    outcomes = read(path, max_line_bytes=1000)
    assert [doc.text for doc in documents(outcomes)] == ["a", "z"]
    assert [outcome.error[:9] for outcome in outcomes if isinstance(outcome, Quarantined)] == ["too large"]


def test_half_surrogates_are_replaced(tmp_path: Path) -> None:
    (doc,) = documents(read(write_lines(tmp_path / "t.jsonl", '{"text": "a \\ud800 b \\ud83d\\ude00"}')))
    assert doc.text.encode() == "a � b 😀".encode()


def test_soft_hyphens_are_no_text(tmp_path: Path) -> None:
    rows = (
        {"text": "Ka\u00adpitän"},
        {"texts": ["Ka\u00adpitän"], "images": [None]},
        {"text_list": ["Ka\u00adpitän"], "image_info": []},
    )
    read_texts = [documents(read(write_lines(tmp_path / f"{n}.jsonl", row)))[0].text for n, row in enumerate(rows)]
    assert read_texts == ["Kapitän"] * 3


def test_a_compressed_file_is_one_split_and_is_read_up_to_its_truncation(tmp_path: Path) -> None:
    data = b"".join(json.dumps({"text": f"{n} " * 200}).encode() + b"\n" for n in range(400))
    (tmp_path / "t.jsonl.gz").write_bytes(gzip.compress(data)[:-400])
    outcomes = read(tmp_path, split_size_bytes=100)
    assert len(ReadDocuments(paths=str(tmp_path), split_size_bytes=100).splits()) == 1
    assert documents(outcomes) and isinstance(outcomes[-1], Quarantined)


def test_obelics_rows_keep_order_details_and_provenance(tmp_path: Path) -> None:
    row = {
        "images": ["http://a.org/1.jpg", None],
        "texts": [None, "Words."],
        "metadata": json.dumps([{"alt_text": "one", "original_width": 300, "original_height": 200, "format": "JPEG"}, None]),
        "general_metadata": json.dumps(
            {"url": "http://a.org/", "warc_filename": "x.warc.gz", "warc_record_offset": 5, "warc_record_length": 9}
        ),
    }
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "o.parquet")
    write_lines(tmp_path / "o.jsonl", row)
    for doc in documents(read(tmp_path / "o.parquet")) + documents(read(tmp_path / "o.jsonl")):
        image = Image(position=0, url="http://a.org/1.jpg", alt="one", format="jpeg", width=300, height=200)
        assert doc.elements == (image, Text(position=1, text="Words."))
        assert (doc.source.url, doc.source.path, doc.source.offset, doc.source.length) == ("http://a.org/", "x.warc.gz", 5, 9)


def test_mmc4_images_stand_before_their_sentence(tmp_path: Path) -> None:
    row = {
        "text_list": ["First.", "Second."],
        "image_info": [
            {"raw_url": "http://a.org/b.jpg", "matched_text_index": 1, "matched_sim": 0.25},
            {"raw_url": "http://a.org/late.jpg", "matched_text_index": 9},
        ],
        "url": "http://a.org/",
    }
    (doc,) = documents(read(write_lines(tmp_path / "m.jsonl", row)))
    assert [e.text if isinstance(e, Text) else getattr(e, "url", "") for e in doc.elements] == [
        "First.",
        "http://a.org/b.jpg",
        "Second.",
        "http://a.org/late.jpg",
    ]
    assert [e.position for e in doc.elements] == [0, 1, 2, 3]
    assert doc.images[0].scores == {"mmc4_sim": 0.25}


@pytest.mark.parametrize(
    "row",
    [
        {"texts": ["a"], "images": []},
        {"texts": "a", "images": "b"},
        {"texts": ["a"], "images": [None], "metadata": "{"},
        {"text_list": None},
        {"text_list": [], "image_info": [3]},
        {},
    ],
)
def test_rows_of_the_wrong_shape_are_quarantined(tmp_path: Path, row: dict[str, object]) -> None:
    (outcome,) = read(write_lines(tmp_path / "x.jsonl", row))
    assert isinstance(outcome, Quarantined)


@pytest.mark.parametrize("data", [b"", b"PAR1junkPAR1"])
def test_a_broken_parquet_file_is_quarantined(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.parquet").write_bytes(data)
    (outcome,) = read(tmp_path / "x.parquet")
    assert isinstance(outcome, Quarantined) and outcome.error.startswith("broken Parquet")


def test_a_missing_file_is_found_by_check(tmp_path: Path) -> None:
    assert len(list(ReadDocuments(paths=[str(tmp_path / "no.jsonl"), str(tmp_path)]).check())) == 2


@pytest.mark.parametrize(
    ("row", "error"),
    [
        ({"text_list": ["a"], "image_info": [{"matched_sim": 10**400}]}, "OverflowError: int too large to convert to float"),
        ({"text_list": ["a"], "image_info": [None]}, "an entry of 'image_info' is not an object"),
        ({"id": "x", "text": 3}, "no string in field 'text'"),
    ],
)
def test_a_wrong_value_costs_its_line_and_is_named_with_it(tmp_path: Path, row: dict[str, object], error: str) -> None:
    first, wrong, third = read(write_lines(tmp_path / "x.jsonl", {"text": "fine"}, row, {"text": "fine"}))
    assert isinstance(first, Document) and isinstance(third, Document) and isinstance(wrong, Quarantined)
    assert (wrong.error, wrong.source_id) == (f"{error} (byte 17, x.jsonl)", str(row.get("id", "")))


@pytest.mark.parametrize("width", [1 << 31, -1, True, 2.5, "300", None])
def test_a_width_that_is_none_is_left_out(tmp_path: Path, width: object) -> None:
    row = {"texts": [None], "images": ["http://a.org/1.jpg"], "metadata": [{"original_width": width, "original_height": 200}]}
    [doc] = documents(read(write_lines(tmp_path / "x.jsonl", row)))
    assert (doc.images[0].width, doc.images[0].height) == (None, 200)
