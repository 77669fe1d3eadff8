"""Reduces a document to image-text pairs or to its running text, for both sinks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from interloom.schemas.document import Document, Image, Text


@dataclass(frozen=True, slots=True)
class Pair:
    """An image with bytes and its text; `origin` says where the text comes from: "caption", "alt" or "text"."""

    image: Image
    text: str
    origin: str


def pairs(doc: Document) -> Iterator[Pair]:
    """Yields each image with its caption, else its alt text, else the nearest body text (the later one of two as near).

    An image with none of these, or without bytes, makes no pair.
    """
    for index, element in enumerate(doc.elements):
        if isinstance(element, Image) and element.data is not None:
            origin, text = _text_for(doc, index, element)
            if text:
                yield Pair(element, text, origin)


def omitted_images(doc: Document, layout: str) -> list[int]:
    """Returns the positions of the images that a layout leaves out.

    Parameters:
        doc: The document.
        layout: "interleaved" leaves out images without bytes, "pairs" also those without a text, "text" all.
    """
    if layout == "interleaved":
        return [image.position for image in doc.images if image.data is None]
    kept = {pair.image.position for pair in pairs(doc)} if layout == "pairs" else set()
    return [image.position for image in doc.images if image.position not in kept]


def running_text(doc: Document) -> str:
    """Returns the running text; of a document without any, such as a scan, all its texts joined by blank lines."""
    return doc.text or "\n\n".join(text.text for text in doc.texts)


def _text_for(doc: Document, index: int, image: Image) -> tuple[str, str]:
    """Returns the origin and the text that go with the image, which is the element number `index`."""
    captions = [t.text.strip() for t in doc.texts if t.of == image.position and t.text.strip()]
    if captions:
        return "caption", "\n".join(captions)
    if image.alt.strip():
        return "alt", image.alt.strip()
    return "text", _nearest_body_text(doc, index)


def _nearest_body_text(doc: Document, index: int) -> str:
    """Returns the body text nearest to element `index`, "" without any. Of the elements text, image, text -> the second text."""
    indices = [
        n for n, e in enumerate(doc.elements) if isinstance(e, Text) and e.origin == "body" and e.of is None and e.text.strip()
    ]
    if not indices:
        return ""
    nearest = doc.elements[min(indices, key=lambda n: (abs(n - index), -n))]
    return nearest.text.strip() if isinstance(nearest, Text) else ""
