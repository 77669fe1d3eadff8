"""Groups of documents."""

from __future__ import annotations

from dataclasses import replace

import pytest

from interloom.schemas.document import Clip, Document, Image, Source, Text
from interloom.stages._select.groups import copies_of, group_of

DOC = Document(
    id="d",
    source=Source(url="https://www.Example.org/a", path="s3://cc/CC-MAIN-2024-10/1.warc.gz"),
    elements=(Text(position=0, text="one two three four five"), Image(position=1), Image(position=2)),
    labels={"language": "de"},
)


@pytest.mark.parametrize(
    ("by", "group"),
    [
        ("none", ""),
        ("domain", "example.org"),
        ("dump", "CC-MAIN-2024-10"),
        ("length", "4-7"),
        ("images", "2"),
        ("modalities", "3"),
        ("language", "de"),
        ("topic", ""),
    ],
)
def test_a_document_has_a_group(by: str, group: str) -> None:
    assert group_of(DOC, by) == group


@pytest.mark.parametrize(("words", "group"), [(0, "0"), (1, "1"), (2, "2-3"), (3, "2-3"), (4, "4-7"), (700, "512-1023")])
def test_lengths_are_grouped_in_powers_of_two(words: int, group: str) -> None:
    assert group_of(Document(id="d", elements=(Text(position=0, text="w " * words),)), "length") == group


def test_a_video_counts_four() -> None:
    video = Document(id="d", elements=(Clip(position=0), Text(position=1, text="said", origin="asr")))
    assert group_of(video, "modalities") == "5"


def test_copies_have_ids_of_their_own() -> None:
    copies = list(copies_of(DOC, 3))
    assert [(copy.id, copy.labels["copy"]) for copy in copies] == [("d", "0"), ("d#1", "1"), ("d#2", "2")]
    assert [replace(copy, id="d", labels=DOC.labels) for copy in copies] == [DOC] * 3


def test_a_document_that_is_there_once_is_as_it_was():
    assert list(copies_of(DOC, 1)) == [DOC]


def test_copies_of_copies_have_ids_that_no_other_document_has():
    once = list(copies_of(DOC, 3))
    twice = [copy for doc in once for copy in copies_of(doc, 2)]
    assert [copy.id for copy in twice] == ["d", "d#0-1", "d#1", "d#1#0-1", "d#2", "d#2#0-1"]
    assert [copy.labels["copy"] for copy in twice] == ["0-0", "0-1", "1-0", "1-1", "2-0", "2-1"]
    thrice = [copy.id for doc in twice for copy in copies_of(doc, 2)]
    assert len(set(thrice)) == 12 and set(thrice) > {copy.id for copy in twice}
