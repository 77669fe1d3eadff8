from __future__ import annotations

from interloom.filters._judge import drop_if_above, drop_if_below
from interloom.filters._words import words
from interloom.pipeline.contents import TEXT
from interloom.pipeline.filter import document_filter
from interloom.pipeline.ranges import Count
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop


@document_filter(needs=[TEXT])
def word_count(doc: Document, *, at_least: Count | None = 10, at_most: Count | None = 2000) -> Drop | None:
    """Drops documents with too few or too many words of running text.

    In scripts without spaces between words each letter counts as a word.

    Parameters:
        at_least: Documents with fewer words are dropped. Words; null is off. Default 10 (OBELICS, arXiv 2306.16527,
            appendix A.2).
        at_most: Documents with more words are dropped. Words; null is off. Default 2000 (OBELICS, appendix A.2).
    """
    count = len(words(doc.text))
    return drop_if_below("too_few_words", count, at_least) or drop_if_above("too_many_words", count, at_most)
