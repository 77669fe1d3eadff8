from interloom.filters.fineweb_quality import fineweb_quality
from interloom.schemas.document import Document, Text
from interloom.schemas.outcome import Drop

LINE = "The boats of town number {} return to the harbour before dawn."


def _document(*blocks):
    return Document(id="d", elements=tuple(Text(position=i, text=b) for i, b in enumerate(blocks)))


def test_prose_in_blocks_stays():
    assert fineweb_quality(_document(*(LINE.format(n) for n in range(10)))) is None


def test_a_document_without_text_is_dropped():
    assert fineweb_quality(_document(" \n")) == Drop("without_text", 0, 1)


def test_lines_without_end_punctuation_are_dropped():
    ended, open_ = LINE.format(0), [LINE.format(n)[:-1] for n in range(1, 10)]
    assert fineweb_quality(_document(ended, *open_)) == Drop("too_few_lines_ended", 0.1, 0.12)
    assert fineweb_quality(_document(*(LINE.format(n).replace(".", "。") for n in range(9)))) is None


def test_menus_are_dropped():
    short = [f"Item {n} in the menu is here." for n in range(7)]
    long = [LINE.format(n) for n in range(3)]
    assert fineweb_quality(_document(*short, *long)) == Drop("too_many_short_lines", 0.7, 0.67)
    assert fineweb_quality(_document(*short, *long), short_characters=20) is None


def test_repeated_lines_are_dropped():
    lines = [LINE.format(n % 9) for n in range(10)]
    assert fineweb_quality(_document(*lines)) == Drop("line_characters_repeated", 0.1, 0.01)


def test_a_line_break_every_third_word_is_dropped():
    lines = [f"Incomprehensibilities{n} notwithstanding, gentlemen." for n in range(20)]
    assert fineweb_quality(_document("\n".join(lines))) == Drop("too_many_line_breaks", 19 / 60, 0.3)


def test_blank_lines_change_no_value():
    lines = [f"Incomprehensibilities{n} notwithstanding these, gentlemen." for n in range(20)]
    assert fineweb_quality(_document("\n\n\n".join(lines))) is None
