from __future__ import annotations

from interloom.filters._judge import drop_if_above, drop_if_below
from interloom.filters._spans import covered_s, video_duration_s
from interloom.pipeline.contents import SPEECH, VIDEO
from interloom.pipeline.filter import document_filter
from interloom.pipeline.ranges import Share
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop


@document_filter(needs=[VIDEO, SPEECH])
def speech_share(doc: Document, *, at_least: Share | None = 0.1, at_most: Share | None = None) -> Drop | None:
    """Drops videos in which somebody speaks during too small or too large a share of the time.

    Documents that are not videos stay. Multimodal Textbook drops silent videos (arXiv 2501.00958, section 3).

    Parameters:
        at_least: Minimum share of the duration with speech (`too_little_speech`). 0 to 1; null is off. Default 0.1, our choice,
            as no value is published.
        at_most: Maximum share of the duration with speech (`too_much_speech`). 0 to 1; null is off. Default null.
    """
    duration = video_duration_s(doc)
    if duration is None:
        return None
    share = covered_s(text for text in doc.texts if text.origin == "asr") / duration if duration > 0 else 0.0
    return drop_if_below("too_little_speech", share, at_least) or drop_if_above("too_much_speech", share, at_most)
