"""The text of a block, from the pieces that the page reader collects: white space, line breaks, cells, control characters."""

from __future__ import annotations

import re
from collections.abc import Sequence

from interloom.schemas.text_forms import is_visible, visible_text

LINE_BREAK = "\x0b"
"""The piece that stands for a `br`."""
CELL_SEPARATOR = " | "
"""The piece between two cells of a table row."""
_SENTENCE_ENDS = (".", "!", "?")
_LETTER_OR_DIGIT = re.compile(r"[^\W_]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\ufffe\uffff]")
_BLANK_LINES = re.compile(r"(?:[^\S\n]*\n)+")


def block_text(pieces: Sequence[str], verbatim: bool) -> str:
    """The pieces as one text, without what nobody sees; `verbatim` (in `pre`) keeps its white space."""
    text = "".join(pieces)
    if verbatim:
        return visible_text(_CONTROL.sub("", _without_blank_ends(text)))
    text = _collapsed(text) if LINE_BREAK in text or CELL_SEPARATOR in text else " ".join(text.split())
    return text if is_visible(text) else visible_text(_CONTROL.sub("", text))


def has_words(text: str) -> bool:
    """Whether a letter or a digit is in the text."""
    return text[:1].isalnum() or _LETTER_OR_DIGIT.search(text) is not None


def is_gap(before: str, after: str, links_meet: bool) -> bool:
    """Whether readers see a blank between the texts of two inline elements that have none between them in the markup.

    That is so between links, where a word in lower case or a number meets a capital, and where a sentence ends:
    `"Upload"`, `"Anonymous"` -> True.
    """
    last, first = before[-1:], after[:1]
    if last in _SENTENCE_ENDS and before[-2:-1].islower() and first.isupper() and after[1:2].islower():
        return True
    if not last.isalnum() or not first.isalnum():
        return False
    return links_meet or (first.isupper() and (last.islower() or last.isdigit()))


def _collapsed(text: str) -> str:
    """Each run of white space as one space, each `br` as a line feed, or cells without bars around them:
    `" a \\n b\\x0b c"` -> `"a b\\nc"`."""
    if LINE_BREAK not in text:
        return " ".join(text.split()).strip("| ")
    return "\n".join(line for line in (" ".join(line.split()) for line in text.split(LINE_BREAK)) if line)


def _without_blank_ends(text: str) -> str:
    """Without blank lines at the start and white space at the end: `" \\n  a\\r\\n b \\n"` -> `"  a\\n b"`."""
    text = text.replace("\r\n", "\n").rstrip()
    blank_lines = _BLANK_LINES.match(text)
    return text[blank_lines.end() :] if blank_lines else text
