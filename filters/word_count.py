from __future__ import annotations

from interloom.filters._judge import over, under
from interloom.filters._words import words
from interloom.pipeline.filter import document_filter
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop


@document_filter
def word_count(doc: Document, *, at_least: int | None = 10, at_most: int | None = 2000) -> Drop | None:
    """Drops documents of too few or too many words of running text.

    The limits are those of OBELICS (arXiv 2306.16527, appendix A.2). In scripts without spaces each letter counts as a
    word. A limit of null is off.
    """
    count = len(words(doc.text))
    return under("too_few_words", count, at_least) or over("too_many_words", count, at_most)
