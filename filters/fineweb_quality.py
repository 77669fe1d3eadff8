from __future__ import annotations

from interloom.filters._judge import drop_if_above, drop_if_below
from interloom.filters._words import TERMINAL, count_repeats, lines, script_of, words
from interloom.pipeline.contents import TEXT
from interloom.pipeline.filter import document_filter
from interloom.pipeline.ranges import Amount, Count, Share
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop

_SHORT = {"han": 1 / 3, "hangul": 0.5}
"""How many characters say as much as one of an alphabet; our choice."""


@document_filter(needs=[TEXT])
def fineweb_quality(
    doc: Document,
    *,
    ended_at_least: Share = 0.12,
    short_at_most: Share = 0.67,
    short_characters: Count = 30,
    repeated_at_most: Share = 0.01,
    breaks_at_most: Amount = 0.3,
) -> Drop | None:
    """Drops pages of lists, menus and boilerplate by FineWeb's own rules (arXiv 2406.17557, section 3.6).

    Empty lines are not counted, so that blank lines between blocks change no value. A document without text is dropped
    (`without_text`). The limits hold for alphabets with full stops. In Chinese and Japanese a line is short at a third of
    `short_characters`, in Korean at half of it, because a character says more; Thai and Lao are not judged by the ends of
    lines, because their sentences have no stop (FineWeb-2's limit for them is 0).

    Parameters:
        ended_at_least: Minimum share of lines that end in punctuation. 0 to 1. Default 0.12 (FineWeb, section 3.6).
        short_at_most: Maximum share of short lines. 0 to 1. Default 0.67 (FineWeb, section 3.6).
        short_characters: A line of at most this length is short. Characters. Default 30 (FineWeb, section 3.6).
        repeated_at_most: Maximum share of characters in lines that repeat an earlier line. 0 to 1. Default 0.01 (FineWeb's
            released code).
        breaks_at_most: Maximum number of line breaks per word. Default 0.3 (FineWeb's released code).
    """
    text = doc.text
    all_lines = lines(text)
    if not all_lines:
        return Drop("without_text", 0, 1)
    count, characters = len(all_lines), sum(map(len, all_lines))
    script = script_of(text)
    short_characters = round(short_characters * _SHORT.get(script, 1.0))
    ended = count if script == "unstopped" else sum(1 for line in all_lines if line.endswith(TERMINAL))
    short = sum(1 for line in all_lines if len(line) <= short_characters)
    return (
        drop_if_below("too_few_lines_ended", ended / count, ended_at_least)
        or drop_if_above("too_many_short_lines", short / count, short_at_most)
        or drop_if_above("line_characters_repeated", count_repeats(all_lines)[1] / characters, repeated_at_most)
        or drop_if_above("too_many_line_breaks", (count - 1) / max(len(words(text)), 1), breaks_at_most)
    )
