"""Where the article of a page is, after Readability (Arc90, 2009, as Mozilla keeps it): what is named like furniture is struck
out, paragraphs speak for the boxes above them, the best box and its equals beside it are taken, and of those what looks like
furniture goes again. Pictures belong to the main content when they stand in the article; text is chosen by `classifier.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interloom.stages.extract_html.arrays import PAGE_TAGS, PageArrays
from interloom.stages.extract_html.page import Box, Page, children
from interloom.stages.extract_html.readability.cleaning import CLEAN, STRIKE, WEIGH, without_furniture
from interloom.stages.extract_html.readability.names import BYLINE, PERHAPS, UNLIKELY, UNLIKELY_ROLE, UNSEEN, weight
from interloom.stages.extract_html.readability.paragraphs import paragraphs_of

_STRICTNESS = (STRIKE | WEIGH | CLEAN, WEIGH | CLEAN, CLEAN, 0)  # looser and looser, as long as too little is found
_ENOUGH_CHARS, _PARAGRAPH_CHARS, _CHARS_A_POINT, _BYLINE_CHARS = 500, 25, 100, 100
_CANDIDATES, _LEVELS, _EQUALS = 5, 5, 3
_AS_GOOD, _STILL_GOOD = 0.75, 1 / 3
_BESIDE, _BESIDE_LEAST, _LONG_CHARS, _LINKED = 0.2, 10.0, 80, 0.25
_BASE = {
    "div": 5,
    **dict.fromkeys(("pre", "td", "blockquote"), 3),
    **dict.fromkeys(("address", "ol", "ul", "dl", "dd", "dt", "li", "form"), -3),
    **dict.fromkeys(("h1", "h2", "h3", "h4", "h5", "h6", "th"), -5),
}
_SPEAKING = PAGE_TAGS.among(("section", "h2", "h3", "h4", "h5", "h6", "p", "td", "pre"))
_DIV = PAGE_TAGS["div"]
_ROOTS = frozenset(("html", "body"))


@dataclass(frozen=True, slots=True)
class Region:
    """The article: whether box n of the page is `taken`, how many `chars` of text that is, and the `top` box of it."""

    taken: NDArray[np.bool_]
    chars: int
    top: Box | None

    @property
    def is_sure(self) -> bool:
        return self.chars >= _ENOUGH_CHARS


def region_of(page: Page, arrays: PageArrays) -> Region:
    """The article; when it has less than 500 characters, the longest that looser readings find."""
    best = Region(np.zeros(len(page.boxes), np.bool_), -1, None)
    for strictness in _STRICTNESS:
        found = _Reading(page, arrays, strictness).region()
        best = max(best, found, key=lambda region: region.chars)
        if best.is_sure:
            break
    return best


class _Reading:
    """One reading of a page. What it holds is by the number of a box; sums are over all that is in the box."""

    def __init__(self, page: Page, arrays: PageArrays, strictness: int) -> None:
        self.page, self.boxes, self.arrays, self.strictness = page, page.boxes, arrays, strictness
        self.gone = np.frombuffer(self.struck(), np.bool_)
        self.chars, self.links, self.commas = map(self.sums, (arrays.chars, arrays.link_chars, arrays.commas))
        self.linked = self.links / np.maximum(self.chars, 1)
        self.paragraphs = paragraphs_of(arrays, self.gone, self.linked < _LINKED)
        self.scores: dict[int, float] = {}

    def struck(self) -> bytearray:
        """What is unseen, a line of who wrote it, or by its name or role no article."""
        gone, byline = bytearray(len(self.boxes)), False
        suspect = UNSEEN | BYLINE | ((UNLIKELY | UNLIKELY_ROLE) if self.strictness & STRIKE else 0)
        for n in np.flatnonzero(self.arrays.own & suspect).tolist():
            box = self.boxes[n]
            if gone[n]:
                continue
            is_byline = bool(box.own & BYLINE) and not byline and self.is_byline(box)
            byline |= is_byline
            if is_byline or box.own & UNSEEN or (self.strictness & STRIKE and _is_unlikely(box)):
                gone[n : box.end] = b"\x01" * (box.end - n)
        return gone

    def is_byline(self, box: Box) -> bool:
        return 0 < int(self.arrays.chars[box.first : box.last].sum()) < _BYLINE_CHARS

    def sums(self, values: NDArray[Any]) -> NDArray[Any]:
        own = np.bincount(self.arrays.box, values, len(self.boxes)).astype(np.int64)
        return self.arrays.inside(np.where(self.gone, 0, own))

    def weight(self, box: Box) -> int:
        return weight(box.own) if self.strictness & WEIGH else 0

    def region(self) -> Region:
        self.speak()
        top = self.best()
        roots = self.beside(top) if top is not None else [box for box in self.boxes[:4] if box.tag == "body"]
        gone, taken = bytearray(self.gone.tobytes()), np.zeros(len(self.boxes), np.bool_)
        for root in roots:
            without_furniture(self.page, self.arrays, root, gone, self.paragraphs, self.strictness)
            taken[root.number : root.end] = ~np.frombuffer(gone, np.bool_)[root.number : root.end]
        return Region(taken, int(self.arrays.chars[taken[self.arrays.box]].sum()), top)

    def speak(self) -> None:
        """Lets each paragraph add to the scores of the five boxes above it: a point, one a comma, one a hundred characters."""
        arrays, boxes = self.arrays, self.boxes
        speaking = (_SPEAKING[arrays.tags] | (self.paragraphs < 0)) & (self.chars >= _PARAGRAPH_CHARS) & ~self.gone
        at = np.flatnonzero(speaking)
        for n, chars, commas in zip(at.tolist(), self.chars[at].tolist(), self.commas[at].tolist(), strict=True):
            self.add(boxes[n].parent, chars, commas)
        loose = (arrays.tags == _DIV) & (self.paragraphs > 0) & ~self.gone
        at = np.flatnonzero(loose[arrays.box] & (arrays.chars >= _PARAGRAPH_CHARS))
        for n, chars, commas in zip(at.tolist(), arrays.chars[at].tolist(), arrays.commas[at].tolist(), strict=True):
            self.add(self.page.blocks[n].box, chars, commas)
        for n in self.scores:
            self.scores[n] *= 1 - float(self.linked[n])

    def add(self, box: Box | None, chars: int, commas: int) -> None:
        points = 2 + commas + min(chars // _CHARS_A_POINT, 3)
        for level in range(_LEVELS):
            if box is None or box.tag == "html":
                return
            start = self.scores.get(box.number)
            start = _BASE.get(box.tag, 0) + self.weight(box) if start is None else start
            self.scores[box.number] = start + points / (1 if level == 0 else 2 if level == 1 else level * 3)
            box = box.parent

    def best(self) -> Box | None:
        """The box of the highest score, or one above it that is shared by others as good, or better, or holds nothing else."""
        ranked = sorted((n for n in self.scores if not self.gone[n]), key=lambda n: -self.scores[n])[:_CANDIDATES]
        if not ranked or self.boxes[ranked[0]].tag in _ROOTS:
            return None
        top = self.shared(ranked)
        top = self.better(top)
        for box in _above(top):
            if sum(1 for child in children(self.boxes, box) if not self.gone[child.number]) != 1:
                break
            top = box
        return top

    def shared(self, ranked: Sequence[int]) -> Box:
        top, score = self.boxes[ranked[0]], self.scores[ranked[0]]
        good = [n for n in ranked[1:] if score > 0 and self.scores[n] >= _AS_GOOD * score]
        if len(good) < _EQUALS:
            return top
        shared = (box for box in _above(top) if sum(box.number < n < box.end for n in good) >= _EQUALS)
        return next(shared, top)

    def better(self, top: Box) -> Box:
        last = self.scores.get(top.number, 0.0)
        least = last * _STILL_GOOD
        for box in _above(top):
            above = self.scores.get(box.number, last)
            if above < least:
                break
            if above > last:
                return box
            last = above
        return top

    def beside(self, top: Box) -> list[Box]:
        """The best box and those beside it that score well for it, or are paragraphs of running text."""
        score = self.scores.get(top.number, 0.0)
        least, names = max(_BESIDE_LEAST, score * _BESIDE), top.attributes.get("class")
        found = []
        for box in children(self.boxes, top.parent) if top.parent is not None else [top]:
            n = box.number
            bonus = score * _BESIDE if names and box.attributes.get("class") == names else 0.0
            good = n in self.scores and self.scores[n] + bonus >= least
            if box is top or (not self.gone[n] and (good or (self.paragraphs[n] < 0 and self.is_running_text(box)))):
                found.append(box)
        return found

    def is_running_text(self, box: Box) -> bool:
        chars, linked = self.chars[box.number], self.linked[box.number]
        if chars > _LONG_CHARS:
            return bool(linked < _LINKED)
        return bool(chars > 0 and linked == 0) and self.page.blocks[box.last - 1].text.rstrip().endswith(".")


def _is_unlikely(box: Box) -> bool:
    if box.own & UNLIKELY_ROLE:
        return True
    named = box.own & UNLIKELY and not box.own & PERHAPS and box.tag not in ("body", "html", "a")
    return bool(named) and box.around("table", "code") in (None, box)


def _above(box: Box) -> list[Box]:
    """The boxes around one, up to the body and without it."""
    found, around = list[Box](), box.parent
    while around is not None and around.tag not in _ROOTS:
        found.append(around)
        around = around.parent
    return found
