"""Ids of documents stay the same from version to version: each reader hashes the same parts in the same order."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path

import pytest

from interloom.pipeline.stage import Split
from interloom.schemas.document import Document
from interloom.stages._input.ids import document_id
from interloom.stages._input.rows import RowOrigin
from interloom.stages.read_html import ReadHtml
from interloom.stages.read_warc import ReadWarc

RECORD = b"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://a.org/\r\nContent-Length: 0\r\n\r\n"


def first_id(source: ReadHtml | ReadWarc) -> object:
    (outcome,) = source.read(source.splits()[0])
    return getattr(outcome, "id", None)


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (("http://a.org/", "a.warc", "12+7"), "http://a.org/\na.warc\n12+7"),
        (("", "pages/a.html", "a.html", None), "\npages/a.html\na.html\nNone"),
        (("", "rows.jsonl", -1), "\nrows.jsonl\n-1"),
        (("talk.mp4", "talk.mp4"), "talk.mp4\ntalk.mp4"),
    ],
)
def test_an_id_is_the_hash_of_its_parts_in_lines(parts: tuple[object, ...], text: str) -> None:
    assert document_id(*parts) == blake2b(text.encode()).hexdigest()[:32]


def test_a_page_has_the_id_of_its_url_file_and_name(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("<p>A page.</p>")
    assert first_id(ReadHtml(paths=str(tmp_path))) == document_id("", "a.html", "a.html", None)


def test_a_record_has_the_id_of_its_url_archive_and_offset(tmp_path: Path) -> None:
    (tmp_path / "a.warc").write_bytes(b"\r\n" + RECORD)
    assert first_id(ReadWarc(paths=str(tmp_path))) == document_id("http://a.org/", "a.warc", 2)


def test_a_row_has_the_id_of_its_file_and_offset() -> None:
    origin = RowOrigin(Split("/in/rows.jsonl", "/in"), 7)
    assert origin.named(Document(id=""), "").id == origin.quarantined("").id == document_id("rows.jsonl", 7)


def test_different_parts_have_different_ids() -> None:
    parts = [("a\nb", "c"), ("a", "b\nc"), ("a\\nb", "c"), ("\ud800", "c"), ("\ud801", "c"), ("?", "c")]
    assert len({document_id(*each) for each in parts}) == len(parts)
