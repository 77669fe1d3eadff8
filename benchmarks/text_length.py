"""A filter of our own for a fair comparison: data-juicer's recipe judges the length in characters, and so must ours."""

from __future__ import annotations

from interloom.pipeline.filter import document_filter
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop


@document_filter
def text_length(doc: Document, *, at_least: int = 10, at_most: int = 100_000) -> Drop | None:
    """Drops documents of too few or too many characters of running text."""
    length = len(doc.text)
    if length < at_least:
        return Drop("text_too_short", length, at_least)
    return Drop("text_too_long", length, at_most) if length > at_most else None
