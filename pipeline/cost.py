"""What a document costs an expensive step, by constants of the step, so that units of such steps are cut evenly.

A cost is about the seconds that one core (or one GPU with its core) takes. It never comes from a clock: units are the same on any
machine, in any run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from interloom.schemas.document import Clip, Document, Image, Text

UNIT_COST_S = 60.0
"""A unit of an expensive step takes about so long: short enough to lose little in a kill, long enough to be worth a commit."""
_SEGMENT_SECONDS = 60.0
_SEGMENT_IMAGES = 50
_SEGMENT_CHARACTERS = 1_000_000


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of work of a step: per document, per second of its clips, per image, per million characters of text."""

    per_document: float = 0.0
    per_second: float = 0.0
    per_image: float = 0.0
    per_million_characters: float = 0.0

    def __str__(self) -> str:
        """`0.02 s per image, 10 s per million characters`."""
        named = {
            "document": self.per_document,
            "second of video or sound": self.per_second,
            "image": self.per_image,
            "million characters": self.per_million_characters,
        }
        return ", ".join(f"{seconds:g} s per {what}" for what, seconds in named.items() if seconds)

    def of(self, segment: Segment) -> float:
        """The cost of the documents of a segment, in seconds."""
        media = self.per_second * segment.seconds + self.per_image * segment.images
        return self.per_document * segment.rows + media + self.per_million_characters * segment.characters / 1e6


@dataclass(frozen=True, slots=True)
class Segment:
    """Consecutive documents of a stored part, and how much there is in them: what the cost of any step follows from."""

    rows: int
    seconds: float
    images: int
    characters: int


def segments(docs: Sequence[Document]) -> Iterator[Segment]:
    """Cuts documents into segments that end where a minute of video, 50 images or a million characters are reached.

    Three documents with 40 images each -> one segment of 2 documents, one of 1. A document is never split.
    """
    rows, seconds, images, characters = 0, 0.0, 0, 0
    for doc in docs:
        rows += 1
        seconds += sum((e.end_s or 0.0) - (e.start_s or 0.0) for e in doc.elements if isinstance(e, Clip))
        images += sum(isinstance(e, Image) for e in doc.elements)
        characters += sum(len(e.text) for e in doc.elements if isinstance(e, Text)) + len(doc.body or b"")
        if seconds >= _SEGMENT_SECONDS or images >= _SEGMENT_IMAGES or characters >= _SEGMENT_CHARACTERS:
            yield Segment(rows, round(seconds, 3), images, characters)
            rows, seconds, images, characters = 0, 0.0, 0, 0
    if rows:
        yield Segment(rows, round(seconds, 3), images, characters)


def total(costs: Iterable[Cost], segment: Segment) -> float:
    """What a segment costs several steps together, in seconds."""
    return sum(cost.of(segment) for cost in costs)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one document may cost in an isolated step: seconds of CPU time (and ten times as many by the clock, in which nobody
    paused the machine), and bytes of address space (or as many as the machine or its container has, if these are fewer)."""

    timeout_s: float = 30.0
    memory_bytes: int = 4 << 30
