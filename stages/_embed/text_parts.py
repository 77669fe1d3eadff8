"""Parts of texts: elements that take the place of a text that is cut."""

from __future__ import annotations

from dataclasses import replace

from interloom.schemas.document import Text


def part_of(text: Text, start: int, end: int, position: int) -> Text:
    """Characters [start, end) of a text, without whitespace at their end, as an element at `position`.

    Its offset in the extracted text is moved to where it begins. It has none of the text's scores, and a position of its own,
    because scores, vectors and decisions on record about the text's position are about the whole of it.
    """
    offset = None if text.offset is None else text.offset + start
    return replace(text, position=position, text=text.text[start:end].rstrip(), offset=offset, scores={})
