"""Reduces a document to image-text pairs or to its running text, for sinks and `stages.split_pairs`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from interloom.schemas.document import Document, Image, Text

TextOrigin = Literal["caption", "alt", "text"]


@dataclass(frozen=True, slots=True)
class Pair:
    """An image with bytes and its text; `origin` says where the text comes from: "caption", "alt" or "text"."""

    image: Image
    text: str
    origin: str


def pairs(doc: Document, *, with_bytes: bool = True) -> Iterator[Pair]:
    """Yields each image with its caption, else its alt text, else the nearest body text (the later one of two as near).

    An image with none of these makes no pair, nor does one without bytes, unless these are not wanted.
    """
    for index, element in enumerate(doc.elements):
        if isinstance(element, Image) and (element.data is not None or not with_bytes):
            origin, text = text_for(doc, index, ("caption", "alt", "text"))
            if text:
                yield Pair(element, text, origin)


def omitted_images(doc: Document, layout: str) -> list[int]:
    """Returns the positions of the images that a layout leaves out.

    Parameters:
        doc: The document.
        layout: "interleaved" leaves out images without bytes, "pairs" also those without a text, "text" all.
    """
    if layout == "interleaved":
        return doc.positions_without_bytes
    kept = {pair.image.position for pair in pairs(doc)} if layout == "pairs" else set()
    return [image.position for image in doc.images if image.position not in kept]


def running_text(doc: Document) -> str:
    """Returns the running text; of a document without any, such as a scan, all its texts joined by blank lines."""
    return doc.text or "\n\n".join(text.text for text in doc.texts)


def text_for(doc: Document, index: int, origins: Sequence[TextOrigin]) -> tuple[str, str]:
    """Returns the origin and the text that go with the image that is element number `index`; "" and "" if it has none.

    Parameters:
        doc: The document.
        index: Index of the image in its elements.
        origins: Where the text may come from, the first choice first: "caption" (all texts that describe the image), "alt" (its
            alt text), "text" (the nearest body text).
    """
    for origin in origins:
        text = _text_from(doc, index, origin)
        if text:
            return origin, text
    return "", ""


def _text_from(doc: Document, index: int, origin: TextOrigin) -> str:
    image = doc.elements[index]
    if origin == "caption":
        return "\n".join(t.text.strip() for t in doc.texts if t.of == image.position and t.text.strip())
    if origin == "alt":
        return image.alt.strip() if isinstance(image, Image) else ""
    return _nearest_body_text(doc, index)


def _nearest_body_text(doc: Document, index: int) -> str:
    """Returns the body text nearest to element `index`, "" without any. Of the elements text, image, text -> the second text."""
    indices = [
        n for n, e in enumerate(doc.elements) if isinstance(e, Text) and e.origin == "body" and e.of is None and e.text.strip()
    ]
    if not indices:
        return ""
    nearest = doc.elements[min(indices, key=lambda n: (abs(n - index), -n))]
    return nearest.text.strip() if isinstance(nearest, Text) else ""
