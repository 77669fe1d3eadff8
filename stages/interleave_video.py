"""Interleaves the keyframes, screen texts and speech of a video in time order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from interloom.pipeline.contents import KEYFRAMES, SPEECH, VIDEO, Content, Need, scores
from interloom.pipeline.stage import Stage
from interloom.schemas.document import Clip, Document, Element, Image, Text
from interloom.schemas.outcome import Drop, Dropped, Outcome
from interloom.stages._video.timeline import (
    Atom,
    Scene,
    Screen,
    Timeline,
    by_keyframe,
    by_speech,
    count_tokens,
    end_of,
    is_source_clip,
    start_of,
)


@dataclass(frozen=True, slots=True)
class _Size:
    """What counts against the limits of a document: images, tokens, and its span from the first start to the last end."""

    images: int = 0
    tokens: int = 0
    start_s: float = float("inf")
    end_s: float = 0.0

    def __add__(self, other: _Size) -> _Size:
        first, last = min(self.start_s, other.start_s), max(self.end_s, other.end_s)
        return _Size(self.images + other.images, self.tokens + other.tokens, first, last)


@dataclass(frozen=True, kw_only=True)
class InterleaveVideo(Stage):
    """Turns a video into interleaved documents `<id>#0`, `<id>#1` ... in time order, each within the limits.

    Texts are never cut, so a text over a limit becomes a document of its own; documents are cut between keyframes where possible.
    Every element keeps its position and its time. Speech gets the score `keyframe`, the position of the keyframe shown with it,
    and `keyframe_share`, the share of its time for which that was shown; it gets neither if for a longer time no keyframe was
    shown. A document gets its span as the scores `start_s` and `end_s`. A video without timed elements is dropped
    (`nothing_shown_or_said`). Documents without a clip pass unchanged.

    Parameters:
        order: "keyframe" is a keyframe, its screen text, then the speech until the next keyframe; a sentence during a change
            goes with the keyframe that is shown for the longer part of it. "speech" is, for each piece of speech, the keyframes
            that begin before it ends, then their screen text, then the speech (Multimodal Textbook, arXiv 2501.00958, section
            3). Default "keyframe", our choice.
        max_seconds: A document spans at most so many seconds. Default none, our choice.
        max_images: A document has at most so many images. Default none, our choice.
        max_tokens: A document has at most so many tokens, estimated without a tokenizer. Default none, our choice.
        image_tokens: An image counts as so many tokens. Default 0, our choice.
        keep_clip: Whether each document keeps the video as a clip of its own span. Default true, our choice.
    """

    order: Literal["keyframe", "speech"] = "keyframe"
    max_seconds: float | None = None
    max_images: int | None = None
    max_tokens: int | None = None
    image_tokens: int = 0
    keep_clip: bool = True

    def needs(self) -> Iterable[Need]:
        return (VIDEO, (KEYFRAMES, SPEECH))

    def provides(self) -> Iterable[Content]:
        return (*scores("text", "keyframe", "keyframe_share"), *scores("document", "start_s", "end_s"))

    def check(self) -> Iterable[str]:
        for name in ("max_seconds", "max_images", "max_tokens"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                yield f"{name}: must be more than 0, not {value}; leave it out for no limit"
        if self.image_tokens < 0:
            yield f"image_tokens: must be at least 0, not {self.image_tokens}"

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        for doc in docs:
            if any(isinstance(element, Clip) for element in doc.elements):
                yield from self._children(doc)
            else:
                yield doc

    def _children(self, doc: Document) -> Iterator[Outcome]:
        screen = Screen(doc.images)
        timeline = Timeline.of(doc.with_elements(_with_keyframe(element, screen) for element in doc.elements))
        if not timeline.visuals and not timeline.speech:
            yield Dropped(doc.id, Drop("nothing_shown_or_said"), url=doc.source.url)
            return
        scenes = by_speech(timeline) if self.order == "speech" else by_keyframe(timeline, screen)
        source_clip = next((e for e in doc.elements if is_source_clip(e)), None) if self.keep_clip else None
        for number, piece in enumerate(self._pieces(scenes)):
            untimed = timeline.untimed if number == 0 else ()
            yield _child(doc, number, source_clip, (*untimed, *(element for atom in piece for element in atom)))

    def _pieces(self, scenes: Iterable[Scene]) -> Iterator[list[Atom]]:
        """Packs whole scenes into each piece while they fit; cuts a scene that is too large for a piece between its atoms.

        With `max_images: 2`, scenes of 1, 1 and 1 images -> pieces of 2 and 1 images
        """
        piece, size = list[Atom](), _Size()
        for scene in scenes:
            sizes = [self._size(atom) for atom in scene]
            if piece and not self._fits(sum(sizes, size)):
                yield piece
                piece, size = [], _Size()
            for atom, atom_size in zip(scene, sizes, strict=True):
                if piece and not self._fits(size + atom_size):
                    yield piece
                    piece, size = [], _Size()
                piece.append(atom)
                size += atom_size
        yield piece

    def _fits(self, size: _Size) -> bool:
        limits = (self.max_seconds, self.max_images, self.max_tokens)
        values = (size.end_s - size.start_s, size.images, size.tokens + size.images * self.image_tokens)
        return all(limit is None or value <= limit for limit, value in zip(limits, values, strict=True))

    def _size(self, atom: Atom) -> _Size:
        """An atom's size. A keyframe's own end does not count, because the speech while it is shown may be cut from it."""
        tokens = sum(count_tokens(element.text) for element in atom if isinstance(element, Text))
        spans = [(start_of(e), end_of(e) if isinstance(e, Text) and e.of is None else start_of(e)) for e in atom]
        images = sum(isinstance(element, Image) for element in atom)
        return _Size(images, tokens, min(start for start, _ in spans), max(end for _, end in spans))


def _with_keyframe(element: Element, screen: Screen) -> Element:
    """Speech with the scores `keyframe` and `keyframe_share`; other elements as they are."""
    if not isinstance(element, Text) or element.of is not None or element.start_s is None:
        return element
    shown = screen.during(start_of(element), end_of(element))
    if shown is None:
        return element
    keyframe, share = shown
    return element.with_score("keyframe", float(keyframe.position)).with_score("keyframe_share", round(share, 4))


def _child(doc: Document, number: int, source_clip: Element | None, elements: tuple[Element, ...]) -> Document:
    """The document's piece `number`, with its span and, if there is a source clip, the clip of its span."""
    timed = [element for element in elements if element.start_s is not None]
    start_s, end_s = min(map(start_of, timed)), max(map(end_of, timed))
    clip = (replace(source_clip, start_s=start_s, end_s=end_s),) if source_clip else ()
    child = replace(doc, id=f"{doc.id}#{number}", elements=(*clip, *elements))
    return child.with_score("start_s", start_s).with_score("end_s", end_s)
