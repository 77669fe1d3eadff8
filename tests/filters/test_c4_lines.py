import pytest

from interloom.filters.c4_lines import c4_lines
from interloom.schemas.document import Document, Text
from interloom.schemas.outcome import Drop


def _judge(text, origin="body", **parameters):
    return c4_lines(Text(position=0, text=text, origin=origin), **parameters)


@pytest.mark.parametrize(
    ("text", "drop"),
    [
        ("Read more", Drop("too_few_words", 2, 3)),
        ("Please turn on JAVASCRIPT to see this", Drop("named_javascript")),
        ("Read our Privacy Policy before you go on", Drop("named_policy")),
        ("a b " + "x" * 1001, Drop("word_too_long", 1001, 1000)),
        ("Three good words", None),
        ("", None),
    ],
)
def test_lines_that_c4_removes_are_dropped(text, drop):
    assert _judge(text) == drop


def test_a_block_with_one_good_line_stays():
    assert _judge("Menu\nThe boats leave early in spring\nMore") is None


def test_headings_are_dropped_with_terminal_punctuation():
    assert _judge("A town by the sea", terminal_punctuation=True) == Drop("not_ended_by_punctuation")
    assert _judge("A town by the sea.", terminal_punctuation=True) is None


def test_captions_and_alt_texts_are_left_alone():
    assert _judge("A boat", origin="caption") is None
    assert _judge("A boat", origin="alt") is None


def test_the_document_stays_without_the_line():
    doc = Document(id="d", elements=(Text(position=0, text="Menu"), Text(position=1, text="The boats leave early.")))
    dropped, kept = c4_lines.with_parameters({}).process([doc])
    assert dropped.position == 0
    assert kept.text == "The boats leave early."
