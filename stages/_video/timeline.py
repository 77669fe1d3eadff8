"""A video's elements on its timeline: what is on the screen, what describes it, and what is said meanwhile."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from interloom.schemas.document import Clip, Document, Element, Image, Media, Text

Atom = tuple[Element, ...]
"""Elements that stay together: a picture with the texts that describe it, or one piece of speech."""
Scene = list[Atom]
"""Atoms that are better not parted: what is shown, and what is said meanwhile."""

_TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|\w+|[^\w\s]")


def tokens(text: str) -> int:
    """Words, marks, and Chinese, Japanese and Korean characters: without a model, the nearest to what its tokenizer counts."""
    return sum(1 for _ in _TOKEN.finditer(text))


@dataclass(frozen=True, slots=True)
class Timeline:
    """A video document taken apart. `head` has no time (a title, a description), `shown` are pictures and cut clips in
    order of time, each with what describes it, `said` all other timed texts in order of time."""

    head: tuple[Element, ...]
    shown: tuple[Atom, ...]
    said: tuple[Text, ...]

    @classmethod
    def of(cls, doc: Document) -> Timeline:
        shown = {e.position: e for e in doc.elements if isinstance(e, Media) and e.start_s is not None and not is_file(e)}
        described: dict[int, list[Text]] = {position: [] for position in shown}
        said, head = list[Text](), list[Element]()
        for element in doc.elements:
            if isinstance(element, Text) and element.of in described:
                described[element.of].append(element)
            elif isinstance(element, Text) and element.start_s is not None:
                said.append(element)
            elif not is_file(element) and element.position not in shown:
                head.append(element)
        atoms = [(shown[position], *described[position]) for position in sorted(shown, key=lambda n: _place(shown[n]))]
        return cls(tuple(head), tuple(atoms), tuple(sorted(said, key=_place)))


def is_file(element: Element) -> bool:
    """Whether it is the clip that stands for the whole file, with no bytes of its own."""
    return isinstance(element, Clip) and element.data is None and element.blob is None


def begin(element: Element) -> float:
    return element.start_s or 0.0


def end(element: Element) -> float:
    """When it ends, and never before it begins."""
    return max(begin(element), begin(element) if element.end_s is None else element.end_s)


def _place(element: Element) -> tuple[float, bool, float, int]:
    """A cut clip goes before the picture of the same time."""
    return begin(element), not isinstance(element, Clip), end(element), element.position


class Screen:
    """Which keyframe was on the screen when; each until its end, or until the next one."""

    def __init__(self, images: Iterable[Image]) -> None:
        self._images = sorted(images, key=_place)
        self._starts = [begin(image) for image in self._images]

    def during(self, start_s: float, end_s: float) -> tuple[Image, float] | None:
        """The keyframe that was shown longest in this span, the earlier one on a tie, and its share of the span; None when
        there was none for longer than that."""
        first = max(0, bisect_right(self._starts, start_s) - 1)
        shares = [(self._share(n, start_s, end_s), -n) for n in range(first, bisect_right(self._starts, end_s))]
        share, place = max(shares, default=(0.0, 0))
        without = 1.0 - sum(one for one, _ in shares)
        return (self._images[-place], share) if share > 0 and share >= without - 1e-9 else None

    def _share(self, n: int, start_s: float, end_s: float) -> float:
        image = self._images[n]
        following = self._starts[n + 1] if n + 1 < len(self._images) else float("inf")
        until = following if image.end_s is None else min(end(image), following)
        if end_s <= start_s:
            return float(self._starts[n] <= start_s < until)
        return max(0.0, min(until, end_s) - max(self._starts[n], start_s)) / (end_s - start_s)


def by_keyframe(line: Timeline, screen: Screen) -> Iterator[Scene]:
    """A scene per keyframe: it, what describes it, then what is said while it is shown (most of the time, for a sentence
    that a change falls into). Speech that no keyframe goes with follows the one before it."""
    starts = sorted({begin(atom[0]) for atom in line.shown})
    scenes: list[Scene] = [[] for _ in range(len(starts) + 1)]
    for atom in line.shown:
        scenes[bisect_right(starts, begin(atom[0]))].append(atom)
    for text in line.said:
        found = screen.during(begin(text), end(text))
        scenes[bisect_right(starts, begin(found[0]) if found else begin(text))].append((text,))
    return (scene for scene in scenes if scene)


def by_speech(line: Timeline) -> Iterator[Scene]:
    """A scene per piece of speech: the keyframes that begin before it ends, then what describes them, then the speech."""
    waiting = list(line.shown)
    for text in line.said:
        count = sum(begin(atom[0]) < max(end(text), begin(text) + 1e-9) for atom in waiting)
        yield [_together(waiting[:count], text)]
        waiting = waiting[count:]
    if waiting:
        yield list(waiting)


def _together(shown: Sequence[Atom], text: Text) -> Atom:
    media = [atom[0] for atom in shown]
    return (*media, *(one for atom in shown for one in atom[1:]), text)
