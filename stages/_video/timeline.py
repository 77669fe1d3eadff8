"""Orders a video document's elements in time: what is shown on the screen, what describes it, and what is said meanwhile."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from interloom.schemas.document import Clip, Document, Element, Image, Media, Text

Atom = tuple[Element, ...]
"""Elements that are never separated: an image with the texts that describe it, or one piece of speech."""
Scene = list[Atom]
"""Atoms that are separated only if they do not fit one document: what is shown, and what is said meanwhile."""

_TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|\w+|[^\w\s]")


def count_tokens(text: str) -> int:
    """Counts words, punctuation marks and Chinese, Japanese or Korean characters, which estimates a tokenizer's count.

    "It's 5 o'clock." -> 8, "你好, Ann" -> 4
    """
    return sum(1 for _ in _TOKEN.finditer(text))


@dataclass(frozen=True, slots=True)
class Timeline:
    """The elements of a video document by kind.

    `untimed`: elements without a time (a title, a description), in the document's order.
    `visuals`: images and cut clips in time order, each with the texts that describe it.
    `speech`: all other timed texts in time order.
    """

    untimed: tuple[Element, ...]
    visuals: tuple[Atom, ...]
    speech: tuple[Text, ...]

    @classmethod
    def of(cls, doc: Document) -> Timeline:
        """The timeline of a document; the clip that stands for the whole file is left out."""
        media = {e.position: e for e in doc.elements if isinstance(e, Media) and e.start_s is not None and not is_source_clip(e)}
        descriptions: dict[int, list[Text]] = {position: [] for position in media}
        speech, untimed = list[Text](), list[Element]()
        for element in doc.elements:
            if isinstance(element, Text) and element.of in descriptions:
                descriptions[element.of].append(element)
            elif isinstance(element, Text) and element.start_s is not None:
                speech.append(element)
            elif not is_source_clip(element) and element.position not in media:
                untimed.append(element)
        atoms = [(element, *descriptions[element.position]) for element in sorted(media.values(), key=_time_order)]
        return cls(tuple(untimed), tuple(atoms), tuple(sorted(speech, key=_time_order)))


def has_pictures(doc: Document) -> bool:
    """Whether the document has a clip that may hold pictures: `stages.read_video` says of a file of sound that it is audio."""
    return not doc.source.content_type.startswith("audio/") and any(isinstance(element, Clip) for element in doc.elements)


def is_source_clip(element: Element) -> bool:
    """Whether the element is the clip that stands for the whole video file and holds no bytes of its own."""
    return isinstance(element, Clip) and element.data is None and element.blob is None


def start_of(element: Element) -> float:
    """When the element begins, in seconds; 0 if it has no time."""
    return element.start_s or 0.0


def end_of(element: Element) -> float:
    """When the element ends, in seconds, but not before it begins."""
    return max(start_of(element), start_of(element) if element.end_s is None else element.end_s)


def _time_order(element: Element) -> tuple[float, bool, float, int]:
    """Sorts by start; at the same start a cut clip comes before an image."""
    return start_of(element), not isinstance(element, Clip), end_of(element), element.position


class Screen:
    """Tells which keyframe was on the screen at a time: each from its start to its end, or to the next one's start."""

    def __init__(self, images: Iterable[Image]) -> None:
        self._images = sorted(images, key=_time_order)
        self._starts = [start_of(image) for image in self._images]

    def during(self, start_s: float, end_s: float) -> tuple[Image, float] | None:
        """The keyframe that was shown longest in a span, and its share of the span, 0 to 1.

        On a tie the earlier keyframe counts. None if no keyframe was shown, or if for a longer part of the span none was.

        Keyframes at 0 to 10 s and 10 to 20 s, span 4 to 11 s -> the first one, 0.857
        """
        first = max(0, bisect_right(self._starts, start_s) - 1)
        shares = [(self._share(n, start_s, end_s), -n) for n in range(first, bisect_right(self._starts, end_s))]
        share, negative_index = max(shares, default=(0.0, 0))
        without = 1.0 - sum(part for part, _ in shares)
        return (self._images[-negative_index], share) if share > 0 and share >= without - 1e-9 else None

    def _share(self, n: int, start_s: float, end_s: float) -> float:
        """The share of a span, 0 to 1, in which the keyframe number `n` was shown."""
        image = self._images[n]
        next_start_s = self._starts[n + 1] if n + 1 < len(self._images) else float("inf")
        until_s = next_start_s if image.end_s is None else min(end_of(image), next_start_s)
        if end_s <= start_s:
            return float(self._starts[n] <= start_s < until_s)
        return max(0.0, min(until_s, end_s) - max(self._starts[n], start_s)) / (end_s - start_s)


def by_keyframe(timeline: Timeline, screen: Screen) -> Iterator[Scene]:
    """Yields a scene per keyframe: the keyframe with its descriptions, then the speech while it is shown.

    Speech during a change goes with the keyframe that is shown for the longer part of it. Speech during which no keyframe is
    shown goes with the last keyframe before it.
    """
    starts = sorted({start_of(atom[0]) for atom in timeline.visuals})
    scenes: list[Scene] = [[] for _ in range(len(starts) + 1)]
    for atom in timeline.visuals:
        scenes[bisect_right(starts, start_of(atom[0]))].append(atom)
    for text in timeline.speech:
        shown = screen.during(start_of(text), end_of(text))
        scenes[bisect_right(starts, start_of(shown[0]) if shown else start_of(text))].append((text,))
    return (scene for scene in scenes if scene)


def by_speech(timeline: Timeline) -> Iterator[Scene]:
    """Yields a scene per piece of speech: the keyframes that begin before it ends, their descriptions, then the speech."""
    waiting = list(timeline.visuals)
    for text in timeline.speech:
        count = sum(start_of(atom[0]) < max(end_of(text), start_of(text) + 1e-9) for atom in waiting)
        yield [_one_atom(waiting[:count], text)]
        waiting = waiting[count:]
    if waiting:
        yield list(waiting)


def _one_atom(visuals: Sequence[Atom], text: Text) -> Atom:
    """All media first, then all their descriptions, then the speech."""
    media = [atom[0] for atom in visuals]
    return (*media, *(description for atom in visuals for description in atom[1:]), text)
