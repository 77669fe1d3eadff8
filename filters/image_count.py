from __future__ import annotations

from interloom.filters._judge import drop_if_above, drop_if_below
from interloom.pipeline.contents import IMAGES
from interloom.pipeline.filter import document_filter
from interloom.pipeline.ranges import Count
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop


@document_filter(needs=[IMAGES])
def image_count(doc: Document, *, at_least: Count | None = 1, at_most: Count | None = 30) -> Drop | None:
    """Drops documents with too few or too many images.

    MMC4's core subset uses 2 to 15.

    Parameters:
        at_least: Documents with fewer images are dropped. Images; null is off. Default 1 (OBELICS, arXiv 2306.16527,
            appendix A.2).
        at_most: Documents with more images are dropped. Images; null is off. Default 30 (OBELICS, appendix A.2).
    """
    count = len(doc.images)
    return drop_if_below("too_few_images", count, at_least) or drop_if_above("too_many_images", count, at_most)
