from __future__ import annotations

from interloom.filters._judge import over, under
from interloom.filters._spans import length_s
from interloom.pipeline.filter import document_filter
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop


@document_filter
def cut_rate(doc: Document, *, at_least: float | None = None, at_most: float | None = 30.0) -> Drop | None:
    """Drops videos whose picture changes too often or too seldom: keyframes after the first one, per minute.

    No limit is published; 30 (a cut every two seconds: trailers, music videos) is our own. Run it before keyframes are
    filtered and documents cut. What is no video stays. Hard cuts alone are the score `cut_rate` of `stages.extract_keyframes`,
    which `filters.score` judges.
    """
    length = length_s(doc)
    if length is None:
        return None
    changes = max(0, sum(image.start_s is not None for image in doc.images) - 1)
    rate = 60.0 * changes / length if length > 0 else 0.0
    return under("too_few_cuts", rate, at_least) or over("too_many_cuts", rate, at_most)
