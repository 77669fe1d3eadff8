"""How long a video document is, and how much of it something takes."""

from __future__ import annotations

from collections.abc import Iterable

from interloom.schemas.document import Clip, Document, Element


def length_s(doc: Document) -> float | None:
    """Seconds from the start of the document's first clip to the end of its last; None for what is no video."""
    clips = [e for e in doc.elements if isinstance(e, Clip) and e.start_s is not None and e.end_s is not None]
    if clips:
        return max(clip.end_s or 0.0 for clip in clips) - min(clip.start_s or 0.0 for clip in clips)
    if "start_s" in doc.scores and "end_s" in doc.scores:
        return doc.scores["end_s"] - doc.scores["start_s"]
    return None


def taken_s(elements: Iterable[Element]) -> float:
    """Seconds in which at least one of these elements lasts."""
    spans = sorted((e.start_s, e.end_s) for e in elements if e.start_s is not None and e.end_s is not None)
    total, reached = 0.0, float("-inf")
    for start, end in spans:
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total
