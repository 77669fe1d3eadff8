import pytest

from interloom.filters.c4_quality import c4_quality
from interloom.schemas.document import Document, Text
from interloom.schemas.outcome import Drop

FIVE = "The boats leave early. The nets are mended. Who is at the helm? It is cold! The town sleeps."


def _document(*blocks):
    return Document(id="d", elements=tuple(Text(position=i, text=b) for i, b in enumerate(blocks)))


def test_five_sentences_stay_and_four_are_dropped():
    assert c4_quality(_document(FIVE)) is None
    assert c4_quality(_document(FIVE.removesuffix(" The town sleeps."))) == Drop("too_few_sentences", 4, 5)


def test_no_text_is_too_few_sentences():
    assert c4_quality(Document(id="d")) == Drop("too_few_sentences", 0, 5)


def test_lorem_ipsum_is_dropped():
    assert c4_quality(_document(FIVE, "Lorem Ipsum dolor sit amet")) == Drop("lorem_ipsum_found")


def test_curly_brackets_are_dropped_unless_allowed():
    doc = _document(FIVE, "if (x) { y(); } else { z(); }")
    assert c4_quality(doc) == Drop("curly_bracket_found", 2, 0)
    assert c4_quality(doc, curly_brackets=True) is None


@pytest.mark.parametrize(
    "line", ["Please enable JavaScript now.", "This site uses cookies. OK?", "Too short.", "is " * 3 + "x" * 1001]
)
def test_sentences_in_lines_that_c4_removes_are_not_counted(line):
    four = FIVE.removesuffix(" The town sleeps.")
    assert c4_quality(_document(four, line, line)) == Drop("too_few_sentences", 4, 5)


def test_terminal_punctuation_is_off_by_default():
    blocks = [f"A heading with number {n}" for n in range(5)]
    assert c4_quality(_document(*blocks)) is None
    assert c4_quality(_document(*blocks), terminal_punctuation=True) == Drop("too_few_sentences", 0, 5)


@pytest.mark.parametrize("end", ["ends here.", "ends here?", 'it "ends"', "ends.[3] [citation needed]", "ends。", "it “ends.”"])
def test_these_end_a_sentence(end):
    assert c4_quality(_document(end), sentences_at_least=1, words_at_least=1, terminal_punctuation=True) is None


@pytest.mark.parametrize("end", ["goes on...", "goes on, and", "list [3]", "[1]" * 50_000 + "x]"])
def test_these_do_not_end_a_sentence(end):
    assert c4_quality(_document(end), sentences_at_least=1, words_at_least=1, terminal_punctuation=True) is not None


def test_chinese_sentences_are_counted():
    assert c4_quality(_document("今天天气很好。" * 5)) is None
