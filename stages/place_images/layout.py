"""Moves images of a document to sentences of its texts; a text is cut where an image comes to stand inside it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count, pairwise

from interloom.schemas.document import Element, Image, Text


@dataclass(frozen=True, slots=True, order=True)
class Sentence:
    """A sentence: characters [start, end) of the text at `position`."""

    position: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Elements in order, and sentences, each in a Text of them; a sentence may come to lie elsewhere, but keeps its number."""

    elements: tuple[Element, ...]
    sentences: tuple[Sentence, ...]


def moved_to(layout: Layout, sentence_of: Mapping[int, int], *, after: bool, free_position: int) -> Layout:
    """Puts each image before or after its sentence, with the texts that describe it; images of one sentence keep their order.

    Elements: image, text "One. Two."; image to sentence 1, before -> text "One.", image, text "Two."

    No text is lost but whitespace at a cut. The parts of a text that is cut get new positions, because vectors, scores and
    decisions on record about its position are about the whole of it; their `offset` in the extracted text, their path and their
    time span are those of the text, the offset moved to where the part begins. Nothing else changes its position or offset.

    Parameters:
        layout: The elements and the sentences as they are.
        sentence_of: Position of an image -> index of its sentence. The other images stay where they are.
        after: Whether images come after their sentences.
        free_position: The first position that parts of texts may get; neither it nor one above it is in use.
    """
    elements, sentences = layout.elements, layout.sentences
    carried = _with_their_texts(elements, sentence_of)
    inserted: dict[int, dict[int, list[Element]]] = defaultdict(lambda: defaultdict(list))
    for position, group in carried.items():
        sentence = sentences[sentence_of[position]]
        inserted[sentence.position][sentence.end if after else sentence.start] += group
    moving = {element.position for group in carried.values() for element in group}
    free, placed, parts = count(free_position), list[Element](), dict[int, list[_Part]]()
    for element in elements:
        if element.position in moving:
            continue
        at = inserted.get(element.position)
        if at is None or not isinstance(element, Text):
            placed.append(element)
            continue
        parts[element.position] = _parts(element, sorted(at), free)
        placed += _interleaved(parts[element.position], at)
    return Layout(tuple(placed), tuple(_in_parts(sentence, parts.get(sentence.position, ())) for sentence in sentences))


@dataclass(frozen=True, slots=True)
class _Part:
    """A text that begins at character `start` of the text that it is a part of; `first` is its first that is not blank there."""

    start: int
    first: int
    text: Text


def _with_their_texts(elements: Sequence[Element], sentence_of: Mapping[int, int]) -> dict[int, list[Element]]:
    """Position of each image that has a sentence -> the image and the texts that describe it, in the order of the document."""
    groups: dict[int, list[Element]] = {e.position: [e] for e in elements if isinstance(e, Image) and e.position in sentence_of}
    for element in elements:
        if isinstance(element, Text) and element.of is not None and element.of in groups:
            groups[element.of].append(element)
    return groups


def _parts(text: Text, cuts: Sequence[int], positions: Iterator[int]) -> list[_Part]:
    """The parts between the cuts that are not blank; the text itself if that is one only.

    "One.  Two.", cuts at 0 and 6 -> "One." at 0, "Two." at 6
    """
    bounds = [0, *cuts, len(text.text)]
    starts = [(start + _leading(text.text[start:end]), end) for start, end in pairwise(bounds) if text.text[start:end].strip()]
    if len(starts) < 2:
        return [_Part(0, _leading(text.text), text)]
    return [_Part(start, start, _part(text, start, end, next(positions))) for start, end in starts]


def _leading(text: str) -> int:
    """How many characters of whitespace the text begins with."""
    return len(text) - len(text.lstrip())


def _part(text: Text, start: int, end: int, position: int) -> Text:
    offset = None if text.offset is None else text.offset + start
    return replace(text, position=position, text=text.text[start:end].rstrip(), offset=offset, scores={})


def _interleaved(parts: Sequence[_Part], inserted: Mapping[int, Sequence[Element]]) -> Iterator[Element]:
    """The parts of a text, and what is inserted: before the first part that begins at its place or behind it, else at the end."""
    left = sorted(inserted)
    for part in parts:
        while left and left[0] <= part.first:
            yield from inserted[left.pop(0)]
        yield part.text
    for place in left:
        yield from inserted[place]


def _in_parts(sentence: Sentence, parts: Sequence[_Part]) -> Sentence:
    """The sentence as a place in that part of its text in which it lies."""
    holding = [part for part in parts if part.start <= sentence.start]
    if not holding:
        return sentence
    start = holding[-1].start
    return Sentence(holding[-1].text.position, sentence.start - start, sentence.end - start)
