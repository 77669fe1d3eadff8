from __future__ import annotations

from interloom.filters._judge import drop_if_above, drop_if_below
from interloom.pipeline.filter import document_filter
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop


@document_filter
def character_count(doc: Document, *, at_least: int | None = 6, at_most: int | None = None) -> Drop | None:
    """Drops documents with too few or too many characters of running text, such as the one-word captions of image-text pairs.

    Spaces at the ends do not count.

    Parameters:
        at_least: Documents with fewer characters are dropped. Characters; null is off. Default 6 (DataComp's basic filter keeps
            captions of more than 5, arXiv 2304.14108, section 3.4; LAION-5B those of 5 or more, arXiv 2210.08402, section 3).
        at_most: Documents with more characters are dropped. Characters; null is off. Default null, our choice.
    """
    count = len(doc.text.strip())
    return drop_if_below("too_few_characters", count, at_least) or drop_if_above("too_many_characters", count, at_most)
