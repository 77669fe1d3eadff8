"""The duration of a video document and the time that some of its elements cover."""

from __future__ import annotations

from collections.abc import Iterable

from interloom.schemas.document import Clip, Document, Element


def video_duration_s(doc: Document) -> float | None:
    """Returns the seconds from the start of the first clip to the end of the last; None if the document is not a video.

    A document without a clip (a part of a video) has its span in the scores `start_s` and `end_s`.
    """
    clips = [e for e in doc.elements if isinstance(e, Clip) and e.start_s is not None and e.end_s is not None]
    if clips:
        return max(clip.end_s or 0.0 for clip in clips) - min(clip.start_s or 0.0 for clip in clips)
    if "start_s" in doc.scores and "end_s" in doc.scores:
        return doc.scores["end_s"] - doc.scores["start_s"]
    return None


def covered_s(elements: Iterable[Element]) -> float:
    """Returns the seconds that the time spans of these elements cover together; overlaps count once.

    Example: elements from 0 to 6 s, 2 to 8 s and 3 to 4 s -> 8.0.
    """
    spans = sorted((e.start_s, e.end_s) for e in elements if e.start_s is not None and e.end_s is not None)
    total, covered_until = 0.0, float("-inf")
    for start, end in spans:
        total += max(0.0, end - max(start, covered_until))
        covered_until = max(covered_until, end)
    return total
