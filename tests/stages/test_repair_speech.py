import time

import pytest

from interloom.schemas.document import Document, Image, Text
from interloom.stages.repair_speech import RepairSpeech


def repaired(text, origin="asr", **parameters):
    (doc,) = RepairSpeech(**parameters).process([Document(id="d", elements=(Text(position=0, text=text, origin=origin),))])
    return doc.texts[0].text


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("the the the cat", "the cat"),
        ("The, the the cat", "the cat"),
        ("it is very very good", "it is very very good"),
        ("and then and then and then it ends.", "and then it ends."),
        ("we go. we go. we go! Now", "we go! Now"),
        ("a b a b", "a b a b"),
        ("", ""),
        ("no", "no"),
        ("ha ha ha ha", "ha"),
        ("- - - -", "-"),
    ],
)
def test_loops_are_said_once(text, wanted):
    assert repaired(text) == wanted


def test_the_numbers_are_parameters():
    assert repaired("very very good", words_from=2) == "very good"
    assert repaired("the the the cat", words_from=4) == "the the the cat"


def test_what_is_written_stays():
    assert repaired("the the the cat", origin="body") == "the the the cat"


def test_a_document_without_loops_is_the_same():
    doc = Document(id="d", elements=(Image(position=0), Text(position=1, text="All good", origin="asr")))
    (found,) = RepairSpeech().process([doc])
    assert found is doc


def test_long_loops_take_no_time():
    begun = time.perf_counter()
    assert repaired("a b c " * 20_000) == "a b c"
    assert time.perf_counter() - begun < 3


def test_numbers_that_would_repair_everything_are_said_before():
    assert list(RepairSpeech(words_from=1, phrase_words=0).check()) == [
        "words_from: at least 2, not 1",
        "phrase_words: at least 1, not 0",
    ]
