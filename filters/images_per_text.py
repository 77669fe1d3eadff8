from __future__ import annotations

from typing import Literal

from interloom.filters._judge import drop_if_above
from interloom.filters._words import words
from interloom.pipeline.contents import IMAGES, TEXT
from interloom.pipeline.filter import document_filter
from interloom.pipeline.ranges import Amount
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop


@document_filter(needs=[IMAGES, TEXT])
def images_per_text(doc: Document, *, at_most: Amount = 0.1, per: Literal["word", "block"] = "word") -> Drop | None:
    """Drops documents with too many images for their text, such as galleries and shop pages.

    A document without text counts as one word or one block.

    Parameters:
        at_most: Documents with more images per word (or per block) are dropped. Images. Default 0.1, one image to ten words;
            our choice, no value is published (the mean document of MMC4 has one image to about 80 words).
        per: What the images are counted against: "word" (of the running text) or "block" (of the body text). Default "word",
            our choice.
    """
    texts = len(words(doc.text)) if per == "word" else sum(1 for text in doc.texts if text.origin == "body")
    return drop_if_above("too_many_images_for_text", len(doc.images) / max(texts, 1), at_most)
