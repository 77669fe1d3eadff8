"""A document degraded to image-text pairs or to its running text, for both sinks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from interloom.schemas.document import Document, Image, Text


@dataclass(frozen=True, slots=True)
class Pair:
    """An image with bytes, the text that goes with it, and where that text is from: caption, alt or text."""

    image: Image
    text: str
    origin: str


def pairs(doc: Document) -> Iterator[Pair]:
    """Each image with its caption, else its alt text, else the body text nearest to it (the one after it on a tie).

    An image with none of these makes no pair.
    """
    for index, element in enumerate(doc.elements):
        if isinstance(element, Image) and element.data is not None:
            origin, text = _text_for(doc, index, element)
            if text:
                yield Pair(element, text, origin)


def left_out(doc: Document, layout: str) -> list[int]:
    """Positions of the images that this layout has no place for: those without bytes, without text in pairs, all in text."""
    if layout == "interleaved":
        return [image.position for image in doc.images if image.data is None]
    kept = {pair.image.position for pair in pairs(doc)} if layout == "pairs" else set()
    return [image.position for image in doc.images if image.position not in kept]


def running_text(doc: Document) -> str:
    """The body text; where there is none (a talk, a scan), all its texts."""
    return doc.text or "\n\n".join(text.text for text in doc.texts)


def _text_for(doc: Document, index: int, image: Image) -> tuple[str, str]:
    captions = [t.text.strip() for t in doc.texts if t.of == image.position and t.text.strip()]
    if captions:
        return "caption", "\n".join(captions)
    if image.alt.strip():
        return "alt", image.alt.strip()
    return "text", _nearest(doc, index)


def _nearest(doc: Document, index: int) -> str:
    places = [
        n for n, e in enumerate(doc.elements) if isinstance(e, Text) and e.origin == "body" and e.of is None and e.text.strip()
    ]
    if not places:
        return ""
    found = doc.elements[min(places, key=lambda n: (abs(n - index), -n))]
    return found.text.strip() if isinstance(found, Text) else ""
