"""A filter of a third party: texts and images at once are none of its business."""

from interloom.pipeline.filter import text_filter
from interloom.schemas.document import Text
from interloom.schemas.outcome import Drop


@text_filter
def lifts(text: Text, *, word: str = "spam") -> Drop | None:
    """Drops texts with this word."""
    return Drop("has_word") if word in text.text else None
