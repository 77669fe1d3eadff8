from __future__ import annotations

from interloom.filters._c4 import judge_line
from interloom.filters._words import lines
from interloom.pipeline.contents import TEXT
from interloom.pipeline.filter import text_filter
from interloom.pipeline.ranges import Count
from interloom.schemas.document import Text
from interloom.schemas.outcome import Drop


@text_filter(needs=[TEXT])
def c4_lines(text: Text, *, words_at_least: Count = 3, terminal_punctuation: bool = False) -> Drop | None:
    """Drops body texts in which C4 would keep no line.

    C4 removes lines with fewer than 3 words, with a word of more than 1,000 characters, or that mention JavaScript, a privacy
    policy, the use of cookies or terms of use (JMLR 21(140), section 2.2, and its released code). Captions, alt texts and
    other texts whose origin is not `body` stay. The reason is that of the last line. The phrases are English; the other rules
    hold for all scripts: without spaces each letter is a word, and a Korean line needs two words where others need three.

    Parameters:
        words_at_least: Lines with fewer words do not count. Words. Default 3 (C4, JMLR 21(140), section 2.2).
        terminal_punctuation: Whether lines that do not end a sentence are removed, as C4 does; headings and list items are
            removed then, too. Default false (FineWeb, arXiv 2406.17557, section 3.5, leaves this rule out).
    """
    if text.origin != "body":
        return None
    drop = None
    for line in lines(text.text):
        drop = judge_line(line, words_at_least, terminal_punctuation)
        if drop is None:
            return None
    return drop
