"""The texts of a document that are embedded: sentences, paragraphs, or all of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from interloom.schemas.document import DOCUMENT, Document, Image, Text
from interloom.stages._embed.sentences import sentences


@dataclass(frozen=True, slots=True)
class Passage:
    """A text, and where it is: an element's position (-1: the whole document), and characters of the element's text (None: all of
    it)."""

    position: int
    text: str
    start: int | None = None
    end: int | None = None


def passages(doc: Document, of: str, origins: Collection[str]) -> Iterator[Passage]:
    """The sentences, paragraphs or the whole of the document's texts of these origins, in order, without blank ones."""
    paragraphs = [passage for passage in _paragraphs(doc, origins) if passage.text.strip()]
    if of == "paragraphs":
        yield from paragraphs
    elif of == "documents":
        yield from [Passage(DOCUMENT, "\n\n".join(passage.text for passage in paragraphs))] if paragraphs else []
    else:
        language = doc.labels.get("language", "")
        for paragraph in paragraphs:
            for start, end in sentences(paragraph.text, language):
                yield Passage(paragraph.position, paragraph.text[start:end], start, end)


def _paragraphs(doc: Document, origins: Collection[str]) -> Iterator[Passage]:
    """The texts of these origins; the alt text of an image has the image's position."""
    for element in doc.elements:
        if isinstance(element, Text) and element.origin in origins:
            yield Passage(element.position, element.text)
        elif isinstance(element, Image) and "alt" in origins:
            yield Passage(element.position, element.alt)
