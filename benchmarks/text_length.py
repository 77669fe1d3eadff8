"""A filter for the benchmark `text_dedup`, because the recipe of data-juicer filters by length in characters, too."""

from __future__ import annotations

from interloom.pipeline.filter import document_filter
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop


@document_filter
def text_length(doc: Document, *, at_least: int = 10, at_most: int = 100_000) -> Drop | None:
    """Drops documents with too few or too many characters of running text.

    Parameters:
        at_least: Documents with fewer characters are dropped. Default 10, as in the recipe of data-juicer.
        at_most: Documents with more characters are dropped. Default 100000, as in the recipe of data-juicer.
    """
    length = len(doc.text)
    if length < at_least:
        return Drop("text_too_short", length, at_least)
    return Drop("text_too_long", length, at_most) if length > at_most else None
