from __future__ import annotations

from interloom.filters._judge import over, under
from interloom.pipeline.filter import document_filter
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop


@document_filter
def image_count(doc: Document, *, at_least: int | None = 1, at_most: int | None = 30) -> Drop | None:
    """Drops documents of too few or too many images.

    Published: 1 to 30 in OBELICS (arXiv 2306.16527, appendix A.2), 2 to 15 in MMC4's core. A limit of null is off.
    """
    count = len(doc.images)
    return under("too_few_images", count, at_least) or over("too_many_images", count, at_most)
