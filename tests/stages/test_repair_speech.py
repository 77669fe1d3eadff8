import pytest

from interloom.schemas.document import Document, Image, Text
from interloom.stages.repair_speech import RepairSpeech


def repaired(text, origin="asr", **parameters):
    (doc,) = RepairSpeech(**parameters).process([Document(id="d", elements=(Text(position=0, text=text, origin=origin),))])
    return doc.texts[0].text


@pytest.mark.parametrize(
    ("text", "expected"),
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
def test_loops_are_removed(text, expected):
    assert repaired(text) == expected


def test_parameters_set_how_many_repetitions_are_a_loop():
    assert repaired("very very good", words_from=2) == "very good"
    assert repaired("the the the cat", words_from=4) == "the the the cat"


@pytest.mark.parametrize("text", ["Dial 0 0 0 7 7 7 7 now.", "C, C++, C# are languages.", "10 20 10 20 10 20"])
def test_numbers_and_names_with_signs_are_no_stammer(text):
    assert repaired(text) == text


def test_a_loop_of_numbers_is_removed():
    assert repaired("so " + "1 " * 40) == "so 1"


def test_texts_that_are_not_speech_stay():
    assert repaired("the the the cat", origin="body") == "the the the cat"


def test_a_document_without_loops_is_returned_as_it_is():
    doc = Document(id="d", elements=(Image(position=0), Text(position=1, text="All good", origin="asr")))
    (out,) = RepairSpeech().process([doc])
    assert out is doc


@pytest.mark.timeout(60)  # quadratic work would take hours
def test_long_loops_are_removed_in_seconds():
    assert repaired("a b c " * 20_000) == "a b c"


def test_numbers_that_would_remove_everything_are_problems():
    assert list(RepairSpeech(words_from=1, phrase_words=0).check()) == [
        "words_from: must be at least 2, not 1",
        "phrase_words: must be at least 1, not 0",
    ]
