from __future__ import annotations

from interloom.filters._c4 import judge_line
from interloom.filters._words import lines
from interloom.pipeline.filter import text_filter
from interloom.schemas.document import Text
from interloom.schemas.outcome import Drop


@text_filter
def c4_lines(text: Text, *, words_at_least: int = 3, terminal_punctuation: bool = False) -> Drop | None:
    """Takes out body texts none of whose lines C4 would keep.

    C4 takes out lines of fewer than 3 words, with a word over 1,000 characters, or that name JavaScript, a privacy policy,
    the use of cookies or terms of use (JMLR 21(140), section 2.2, and its released code).

    `terminal_punctuation` also takes out lines that do not end a sentence, as C4 does; off by default, as in FineWeb
    (arXiv 2406.17557, section 3.5). It takes headings and list items with it.
    """
    if text.origin != "body":
        return None
    drop = None
    for line in lines(text.text):
        drop = judge_line(line, words_at_least, terminal_punctuation)
        if drop is None:
            return None
    return drop
