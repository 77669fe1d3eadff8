from __future__ import annotations

from interloom.filters._c4 import judge_line
from interloom.filters._judge import under
from interloom.filters._words import lines, sentences
from interloom.pipeline.filter import document_filter
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop


@document_filter
def c4_quality(
    doc: Document,
    *,
    sentences_at_least: int = 5,
    words_at_least: int = 3,
    curly_brackets: bool = False,
    terminal_punctuation: bool = False,
) -> Drop | None:
    """Drops documents of lorem ipsum, with curly brackets (unless allowed) or with too few sentences, as C4 does.

    Sentences are counted in the lines that C4 keeps (JMLR 21(140), section 2.2): `c4_lines` says which, and takes the
    others out. C4 drops documents with fewer than 5.

    `terminal_punctuation` counts only lines that end a sentence, as C4 does; off by default, as in FineWeb (arXiv
    2406.17557, section 3.5). Of C4's rules its list of bad words is `word_blocklist`, its repeated spans are deduplication.
    """
    text = doc.text
    if "lorem ipsum" in text.lower():
        return Drop("lorem_ipsum_found")
    if "{" in text and not curly_brackets:
        return Drop("curly_bracket_found", text.count("{"), 0)
    kept = (line for line in lines(text) if judge_line(line, words_at_least, terminal_punctuation) is None)
    return under("too_few_sentences", sum(map(sentences, kept)), sentences_at_least)
