"""Parts of texts: elements that take the place of a text that is cut."""

from __future__ import annotations

from dataclasses import replace

from interloom.schemas.document import Document, Text

_FIRST_FREE = 1 << 20
"""Parts of texts have positions from here on: no page has so many elements, so none is that of an element that was dropped."""


def free_position(doc: Document) -> int:
    """The first position for parts of texts: above those of all elements that the document has or had."""
    return max(_FIRST_FREE, *(element.position + 1 for element in doc.elements), 0)


def part_of(text: Text, start: int, end: int, position: int) -> Text:
    """Characters [start, end) of a text, without whitespace at their end, as an element at `position`.

    Its offset in the extracted text is moved to where it begins. It has none of the text's scores, and a position of its own,
    because scores, vectors and decisions on record about the text's position are about the whole of it.
    """
    offset = None if text.offset is None else text.offset + start
    return replace(text, position=position, text=text.text[start:end].rstrip(), offset=offset, scores={})
