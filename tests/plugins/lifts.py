"""A filter of a third party: texts and images at once are none of its business."""

from pipeline.filter import text_filter
from schemas.document import Text
from schemas.outcome import Drop


@text_filter
def lifts(text: Text, *, word: str = "spam") -> Drop | None:
    """Drops texts with this word."""
    return Drop("has_word") if word in text.text else None
