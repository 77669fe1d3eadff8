"""Computes a document's `clip` scores from the vectors of its images and texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from interloom.schemas.document import Document, Element, Image, Text
from interloom.stages._embed.stored import Vectors


@dataclass(frozen=True, slots=True)
class Passage:
    """A text of a document: a Text, or an image's alt text.

    `index` is the index of its element in the document's elements, `position` that element's position, and `of` the position of
    the image that the text describes.
    """

    index: int
    position: int
    text: str
    of: int | None
    is_alt: bool = False


def passages(doc: Document) -> list[Passage]:
    """The texts of a document and the alt texts of its images, in document order, without blank ones."""
    candidates = (_passage(index, element) for index, element in enumerate(doc.elements))
    return [passage for passage in candidates if passage and passage.text.strip()]


def _passage(index: int, element: Element) -> Passage | None:
    if isinstance(element, Image):
        return Passage(index, element.position, element.alt, element.position, True)
    return Passage(index, element.position, element.text, element.of) if isinstance(element, Text) else None


def neighbouring(image: Image, index: int, doc_passages: Sequence[Passage], neighbours: int) -> list[int]:
    """Which passages are the neighbouring text of the image at `index` of the elements, as indexes into `doc_passages`.

    These are the texts that describe the image, and the nearest `neighbours` text blocks before and after it. A text that
    describes another image is not a text block.

    Elements: text A, text B, image (with alt text), text C; 1 neighbour -> B, alt text, C
    """
    own = [n for n, passage in enumerate(doc_passages) if passage.of == image.position]
    before = [n for n, passage in enumerate(doc_passages) if passage.of is None and passage.index < index]
    after = [n for n, passage in enumerate(doc_passages) if passage.of is None and passage.index > index]
    return [*before[max(0, len(before) - neighbours) :], *own, *after[:neighbours]]


def with_scores(
    doc: Document, image_vectors: Mapping[int, Vectors], passage_vectors: Sequence[tuple[Passage, Vectors]], neighbours: int
) -> Document:
    """Returns the document with its `clip` scores, or unchanged if it has no images or no text.

    `image_vectors` has the vector of each image by position, `passage_vectors` the (windows, d) vectors of each passage. Cosine
    similarities are of the float16 vectors, summed in float64, so that they are equal on all machines that have equal vectors.
    """
    passage_vectors = [(passage, vectors) for passage, vectors in passage_vectors if len(vectors)]
    if not image_vectors or not passage_vectors:
        return doc
    doc_passages = [passage for passage, _ in passage_vectors]
    similarity = _similarities(image_vectors, [vectors for _, vectors in passage_vectors])
    best = np.stack(list(similarity.values())).max(axis=0)
    best_of = {passage.position: best[n] for n, passage in enumerate(doc_passages) if not passage.is_alt}
    elements = []
    for index, element in enumerate(doc.elements):
        if isinstance(element, Image) and element.position in similarity:
            near = neighbouring(element, index, doc_passages, neighbours)
            element = _scored_image(element, similarity[element.position], near)
        elif isinstance(element, Text) and element.position in best_of:
            element = element.with_score("clip_best", _rounded(best_of[element.position]))
        elements.append(element)
    return _scored_document(doc.with_elements(elements))


def _similarities(image_vectors: Mapping[int, Vectors], text_vectors: Sequence[Vectors]) -> Mapping[int, npt.NDArray[np.float64]]:
    """Position of an image -> its similarity to each passage, which is the best over the windows of the passage."""
    positions = sorted(image_vectors)
    windows = np.concatenate(list(text_vectors)).astype(np.float64)
    starts = np.cumsum([0, *(len(vectors) for vectors in text_vectors[:-1])])
    images = np.stack([image_vectors[position] for position in positions]).astype(np.float64)
    by_passage = np.maximum.reduceat(images @ windows.T, starts, axis=1)
    return dict(zip(positions, by_passage, strict=True))


def _scored_image(image: Image, similarity: npt.NDArray[np.float64], near: list[int]) -> Image:
    if near:
        image = image.with_score("clip", _rounded(similarity[near].max()))
    return image.with_score("clip_best", _rounded(similarity.max()))


def _scored_document(doc: Document) -> Document:
    clip = list(_image_scores(doc, "clip"))
    if clip:
        doc = doc.with_score("clip", _rounded(sum(clip) / len(clip))).with_score("clip_min", min(clip))
    return doc.with_score("clip_best", max(_image_scores(doc, "clip_best")))


def _image_scores(doc: Document, name: str) -> Iterator[float]:
    return (image.scores[name] for image in doc.images if name in image.scores)


def _rounded(value: float) -> float:
    return round(float(value), 4)
