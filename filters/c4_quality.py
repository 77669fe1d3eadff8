from __future__ import annotations

from interloom.filters._c4 import judge_line
from interloom.filters._judge import drop_if_below
from interloom.filters._words import count_sentences, lines
from interloom.pipeline.contents import TEXT
from interloom.pipeline.filter import document_filter
from interloom.pipeline.ranges import Count
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop


@document_filter(needs=[TEXT])
def c4_quality(
    doc: Document,
    *,
    sentences_at_least: Count = 5,
    words_at_least: Count = 3,
    curly_brackets: bool = False,
    terminal_punctuation: bool = False,
) -> Drop | None:
    """Drops documents that hold "lorem ipsum", curly brackets or too few sentences, as C4 does.

    Sentences are counted only in the lines that C4 keeps (JMLR 21(140), section 2.2); `c4_lines` removes the other lines.
    Sentences end at the stops of all scripts, in Thai and Lao also at spaces. C4's list of bad words is the filter
    `word_blocklist`; its removal of repeated spans is deduplication.

    Parameters:
        sentences_at_least: Documents with fewer sentences are dropped. Sentences. Default 5 (C4, section 2.2).
        words_at_least: Lines with fewer words are not counted. Words. Default 3 (C4, section 2.2).
        curly_brackets: Whether documents with an opening curly bracket stay. Default false (C4, section 2.2).
        terminal_punctuation: Whether only lines that end a sentence are counted, as C4 does. Default false (FineWeb, arXiv
            2406.17557, section 3.5, leaves this rule out).
    """
    text = doc.text
    if "lorem ipsum" in text.lower():
        return Drop("lorem_ipsum_found")
    if "{" in text and not curly_brackets:
        return Drop("curly_bracket_found", text.count("{"), 0)
    kept = (line for line in lines(text) if judge_line(line, words_at_least, terminal_punctuation) is None)
    return drop_if_below("too_few_sentences", sum(map(count_sentences, kept)), sentences_at_least)
