from __future__ import annotations

from interloom.filters._judge import over, under
from interloom.filters._spans import length_s, taken_s
from interloom.pipeline.filter import document_filter
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop


@document_filter
def speech_share(doc: Document, *, at_least: float | None = 0.1, at_most: float | None = None) -> Drop | None:
    """Drops videos in which too small (or large) a share of the time is spoken. What is no video stays.

    Multimodal Textbook drops silent videos (arXiv 2501.00958, section 3) and publishes no value; 0.1 is our own.
    """
    length = length_s(doc)
    if length is None:
        return None
    share = taken_s(text for text in doc.texts if text.origin == "asr") / length if length > 0 else 0.0
    return under("too_little_speech", share, at_least) or over("too_much_speech", share, at_most)
