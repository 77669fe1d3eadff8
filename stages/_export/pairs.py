"""Reduces a document to image-text pairs or to its running text, for sinks and `stages.split_pairs`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from interloom.schemas.document import Document, Image, Text
from interloom.schemas.outcome import Drop

TextOrigin = Literal["caption", "alt", "text"]
Captions = Literal["joined", "each"]
"""What becomes of several captions of an image: the lines of one text, or a pair each."""


NO_PAIRS = Drop("no_pairs")


@dataclass(frozen=True, slots=True)
class Pair:
    """An image and its text; `origin` says where the text comes from: "caption", "alt" or "text", `positions` are those of the
    texts that it consists of, `again` says whether an earlier pair has the same image of the document."""

    image: Image
    text: str
    origin: str
    positions: tuple[int, ...] = ()
    again: bool = False

    def text_facts(self, captions: Captions) -> Mapping[str, Any]:
        """Returns what is stored about the text: where it is from and, if each caption is a pair, which of the captions it is."""
        facts = {"caption_from": self.origin}
        return facts if captions == "joined" else {**facts, "caption_position": self.caption_position}

    @property
    def caption_position(self) -> int | None:
        """The position of the caption that is the text; None for other texts, and if it is not known."""
        return self.positions[0] if self.origin == "caption" and self.positions else None


def pairs(doc: Document, captions: Captions = "joined", *, with_bytes: bool = True) -> Iterator[Pair]:
    """Yields each image with its caption, else its alt text, else the nearest body text (the later one of two as near).

    An image with none of these makes no pair, nor does one without bytes, unless these are not wanted. Several captions of an
    image are the lines of one text, or each different one makes a pair.
    """
    for index, element in enumerate(doc.elements):
        if isinstance(element, Image) and (element.data is not None or not with_bytes):
            pair = pair_of(doc, index, ("caption", "alt", "text"))
            if pair is not None:
                yield from split(doc, pair, captions)


def split(doc: Document, pair: Pair, captions: Captions) -> Iterator[Pair]:
    """Yields the pairs of the different captions of the image of a pair, if each is one; else, and if its text is no caption, the
    pair itself."""
    if captions == "joined" or pair.origin != "caption":
        yield pair
        return
    positions = dict[str, int]()
    for caption in _captions(doc, pair.image):
        positions.setdefault(caption.text.strip(), caption.position)
    for n, (text, position) in enumerate(positions.items()):
        yield replace(pair, text=text, positions=(position,), again=n > 0)


def no_pairs(doc: Document, omitted: Iterable[int]) -> Drop | None:
    """Returns why a document has no place among pairs, if all its images are omitted; else None."""
    return None if {image.position for image in doc.images} - set(omitted) else NO_PAIRS


def unpaired(doc: Document, of: Iterable[Pair]) -> list[int]:
    """Returns the positions of the texts and clips of which none of these pairs consists."""
    kept = {position for pair in of for position in pair.positions}
    return [e.position for e in doc.elements if not isinstance(e, Image) and e.position not in kept]


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


def omitted_texts(doc: Document, layout: str, captions: Captions = "joined") -> list[int]:
    """Returns the positions of the texts and clips that a layout leaves out.

    Parameters:
        doc: The document.
        layout: "interleaved" leaves out none, "pairs" those that go with no image, "text" those that are no running text, and
            clips.
        captions: What becomes of several captions of an image.
    """
    if layout == "interleaved":
        return []
    if layout == "pairs":
        return unpaired(doc, pairs(doc, captions))
    kept = {text.position for text in _running_texts(doc)}
    return [e.position for e in doc.elements if not isinstance(e, Image) and e.position not in kept]


def running_text(doc: Document) -> str:
    """Returns the running text; of a document without any, such as a scan, all its texts joined by blank lines."""
    return "\n\n".join(text.text for text in _running_texts(doc))


def _running_texts(doc: Document) -> Sequence[Text]:
    return doc.running_texts if doc.text else doc.texts


def pair_of(doc: Document, index: int, origins: Sequence[TextOrigin]) -> Pair | None:
    """Returns the image that is element number `index` with its text; None if it has none.

    Parameters:
        doc: The document.
        index: Index of the image in its elements.
        origins: Where the text may come from, the first choice first: "caption" (all texts that describe the image), "alt" (its
            alt text), "text" (the nearest body text).
    """
    image = doc.elements[index]
    if not isinstance(image, Image):
        return None
    for origin in origins:
        if origin == "alt":
            text, parts = image.alt.strip(), list[Text]()
        else:
            parts = _captions(doc, image) if origin == "caption" else _nearest_body_text(doc, index)
            text = "\n".join(part.text.strip() for part in parts)
        if text:
            return Pair(image, text, origin, tuple(part.position for part in parts))
    return None


def _captions(doc: Document, image: Image) -> list[Text]:
    return [text for text in doc.texts if text.of == image.position and text.text.strip()]


def _nearest_body_text(doc: Document, index: int) -> list[Text]:
    """The body text nearest to element `index`; none without any. Of the elements text, image, text -> the second text."""
    texts = [
        (n, e)
        for n, e in enumerate(doc.elements)
        if isinstance(e, Text) and e.origin == "body" and e.of is None and e.text.strip()
    ]
    return [min(texts, key=lambda entry: (abs(entry[0] - index), -entry[0]))[1]] if texts else []
