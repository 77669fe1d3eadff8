from __future__ import annotations

from typing import Literal

from interloom.filters._judge import over
from interloom.filters._words import words
from interloom.pipeline.filter import document_filter
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop


@document_filter
def images_per_text(doc: Document, *, at_most: float = 0.1, per: Literal["word", "block"] = "word") -> Drop | None:
    """Drops galleries and shop windows: more than `at_most` images per word, or per block of body text.

    No limit is published; 0.1 is our own (an image to every ten words), as MMC4's mean document has one to some 80 words.
    A document without text counts as one word or block.
    """
    texts = len(words(doc.text)) if per == "word" else sum(1 for text in doc.texts if text.origin == "body")
    return over("too_many_images_for_text", len(doc.images) / max(texts, 1), at_most)
