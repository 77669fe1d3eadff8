"""The timeline of a video as interleaved documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from interloom.pipeline.stage import Stage
from interloom.schemas.document import Clip, Document, Element, Image, Text
from interloom.schemas.outcome import Drop, Dropped, Outcome
from interloom.stages._video.timeline import Atom, Scene, Screen, Timeline, begin, by_keyframe, by_speech, end, is_file, tokens


@dataclass(frozen=True, slots=True)
class _Size:
    """What counts against a limit; the span is from the first start to the last end, in seconds."""

    images: int = 0
    tokens: int = 0
    start_s: float = float("inf")
    end_s: float = 0.0

    def __add__(self, other: _Size) -> _Size:
        first, last = min(self.start_s, other.start_s), max(self.end_s, other.end_s)
        return _Size(self.images + other.images, self.tokens + other.tokens, first, last)


@dataclass(frozen=True, kw_only=True)
class InterleaveVideo(Stage):
    """A video becomes documents `<id>#0`, `<id>#1` ... of at most so many seconds, images and tokens, in order of time.

    `order: keyframe` is a keyframe, its screen text, then what is said until the next one; a sentence over a change goes with
    the keyframe that was shown for the longer part of it. `order: speech` is, for each piece of speech, the keyframes that
    begin before it ends, then their screen text, then the speech (Multimodal Textbook, arXiv 2501.00958, section 3).

    Texts are never cut, so one that is over a limit by itself is a document by itself; documents are cut between keyframes
    where that is possible. An `image_tokens` is what an image counts for in tokens. Every element keeps its position and its
    time; speech says in the score `keyframe` which keyframe (its position) was shown with it, and in `keyframe_share` for
    how much of its time; speech without both was said while, for longer, none was shown. A document says its span in
    `start_s` and `end_s`, and with `keep_clip` holds the video as a clip of that span. What is no video passes.
    """

    order: Literal["keyframe", "speech"] = "keyframe"
    max_seconds: float | None = None
    max_images: int | None = None
    max_tokens: int | None = None
    image_tokens: int = 0
    keep_clip: bool = True

    def check(self) -> Iterable[str]:
        for name in ("max_seconds", "max_images", "max_tokens"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                yield f"{name}: {value} leaves room for nothing; give more than 0, or leave it out"
        if self.image_tokens < 0:
            yield f"image_tokens: at least 0, not {self.image_tokens}"

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        for doc in docs:
            if any(isinstance(element, Clip) for element in doc.elements):
                yield from self._children(doc)
            else:
                yield doc

    def _children(self, doc: Document) -> Iterator[Outcome]:
        screen = Screen(doc.images)
        line = Timeline.of(doc.with_elements(_told(element, screen) for element in doc.elements))
        if not line.shown and not line.said:
            yield Dropped(doc.id, Drop("nothing_shown_or_said"), url=doc.source.url)
            return
        scenes = by_speech(line) if self.order == "speech" else by_keyframe(line, screen)
        file = next((e for e in doc.elements if is_file(e)), None) if self.keep_clip else None
        for number, piece in enumerate(self._pieces(scenes)):
            head = line.head if number == 0 else ()
            yield _child(doc, number, file, (*head, *(element for atom in piece for element in atom)))

    def _pieces(self, scenes: Iterable[Scene]) -> Iterator[list[Atom]]:
        """Whole scenes as long as they fit; a scene that fits no piece is cut between its atoms."""
        piece, size = list[Atom](), _Size()
        for scene in scenes:
            sizes = [self._size(atom) for atom in scene]
            if piece and not self._fits(sum(sizes, size)):
                yield piece
                piece, size = [], _Size()
            for atom, more in zip(scene, sizes, strict=True):
                if piece and not self._fits(size + more):
                    yield piece
                    piece, size = [], _Size()
                piece.append(atom)
                size += more
        yield piece

    def _fits(self, size: _Size) -> bool:
        limits = (self.max_seconds, self.max_images, self.max_tokens)
        values = (size.end_s - size.start_s, size.images, size.tokens + size.images * self.image_tokens)
        return all(limit is None or value <= limit for limit, value in zip(limits, values, strict=True))

    def _size(self, atom: Atom) -> _Size:
        """The keyframe's own end does not count: what is said while it is shown may be cut from it."""
        words = sum(tokens(element.text) for element in atom if isinstance(element, Text))
        spans = [(begin(e), end(e) if isinstance(e, Text) and e.of is None else begin(e)) for e in atom]
        images = sum(isinstance(element, Image) for element in atom)
        return _Size(images, words, min(start for start, _ in spans), max(stop for _, stop in spans))


def _told(element: Element, screen: Screen) -> Element:
    if not isinstance(element, Text) or element.of is not None or element.start_s is None:
        return element
    found = screen.during(begin(element), end(element))
    if found is None:
        return element
    return element.with_score("keyframe", float(found[0].position)).with_score("keyframe_share", round(found[1], 4))


def _child(doc: Document, number: int, file: Element | None, elements: tuple[Element, ...]) -> Document:
    timed = [element for element in elements if element.start_s is not None]
    start_s, end_s = min(map(begin, timed)), max(map(end, timed))
    span = (replace(file, start_s=start_s, end_s=end_s),) if file else ()
    made = replace(doc, id=f"{doc.id}#{number}", elements=(*span, *elements))
    return made.with_score("start_s", start_s).with_score("end_s", end_s)
