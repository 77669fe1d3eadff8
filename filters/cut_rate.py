from __future__ import annotations

from interloom.filters._judge import drop_if_above, drop_if_below
from interloom.filters._spans import video_duration_s
from interloom.pipeline.contents import KEYFRAMES, VIDEO
from interloom.pipeline.filter import document_filter
from interloom.pipeline.ranges import Amount
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop


@document_filter(needs=[VIDEO, KEYFRAMES])
def cut_rate(doc: Document, *, at_least: Amount | None = None, at_most: Amount | None = 30.0) -> Drop | None:
    """Drops videos that change too often or too seldom: keyframes per minute, the first keyframe not counted.

    Documents that are not videos stay. Run this filter before keyframes are filtered and before videos are cut into parts.
    The rate of hard cuts alone is the score `cut_rate` of `stages.extract_keyframes`; judge it with `filters.score`.

    Parameters:
        at_least: Videos with fewer changes are dropped (`too_few_cuts`). Keyframes per minute; null is off. Default null.
        at_most: Videos with more changes are dropped (`too_many_cuts`). Keyframes per minute; null is off. Default 30, a
            change every two seconds as in trailers and music videos; our choice, no value is published.
    """
    duration = video_duration_s(doc)
    if duration is None:
        return None
    changes = max(0, sum(image.start_s is not None for image in doc.images) - 1)
    rate = 60.0 * changes / duration if duration > 0 else 0.0
    return drop_if_below("too_few_cuts", rate, at_least) or drop_if_above("too_many_cuts", rate, at_most)
