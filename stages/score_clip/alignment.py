"""How well a document's images and texts go together: cosines of their vectors, by neighbourhood."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from interloom.schemas.document import Document, Element, Image, Text

Vectors = npt.NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class Passage:
    """A text of a document: a Text, or an image's alt text. `place` is where in the document's elements that is, `position`
    that element's position, `of` the position of the image that it describes."""

    place: int
    position: int
    text: str
    of: int | None
    is_alt: bool = False


def passages(doc: Document) -> list[Passage]:
    """All that a document says, in order: its texts, and its images' alt texts; blank ones left out."""
    found = (_passage(place, element) for place, element in enumerate(doc.elements))
    return [passage for passage in found if passage and passage.text.strip()]


def _passage(place: int, element: Element) -> Passage | None:
    if isinstance(element, Image):
        return Passage(place, element.position, element.alt, element.position, True)
    return Passage(place, element.position, element.text, element.of) if isinstance(element, Text) else None


def near(image: Image, place: int, said: Sequence[Passage], neighbours: int) -> list[int]:
    """Which passages (their numbers in `said`) are the neighbouring text of the image at `place`: what describes it, and the
    nearest `neighbours` blocks before and after it; what describes another image is no block."""
    own = [n for n, passage in enumerate(said) if passage.of == image.position]
    before = [n for n, passage in enumerate(said) if passage.of is None and passage.place < place]
    after = [n for n, passage in enumerate(said) if passage.of is None and passage.place > place]
    return [*before[max(0, len(before) - neighbours) :], *own, *after[:neighbours]]


def scored(doc: Document, seen: Mapping[int, Vectors], read: Sequence[tuple[Passage, Vectors]], neighbours: int) -> Document:
    """The document with `clip` scores. `seen` has each image's vector by position, `read` each passage's (windows, d).

    Cosines are of the float16 vectors, summed in float64, so that they are the same on any machine that has the vectors.
    """
    read = [(passage, vectors) for passage, vectors in read if len(vectors)]
    if not seen or not read:
        return doc
    places = sorted(seen)
    windows = np.concatenate([vectors for _, vectors in read]).astype(np.float64)
    starts = np.cumsum([0, *(len(vectors) for _, vectors in read[:-1])])
    cosines = np.maximum.reduceat(np.stack([seen[n] for n in places]).astype(np.float64) @ windows.T, starts, axis=1)
    said = [passage for passage, _ in read]
    row = dict(zip(places, cosines, strict=True))
    best = {passage.position: cosines[:, n].max() for n, passage in enumerate(said) if not passage.is_alt}
    elements = []
    for place, element in enumerate(doc.elements):
        if isinstance(element, Image) and element.position in row:
            element = _image(element, row[element.position], near(element, place, said, neighbours))
        elif isinstance(element, Text) and element.position in best:
            element = element.with_score("clip_best", _rounded(best[element.position]))
        elements.append(element)
    return _document(doc.with_elements(elements))


def _image(image: Image, cosines: npt.NDArray[np.float64], neighbourhood: list[int]) -> Image:
    if neighbourhood:
        image = image.with_score("clip", _rounded(cosines[neighbourhood].max()))
    return image.with_score("clip_best", _rounded(cosines.max()))


def _document(doc: Document) -> Document:
    clip = list(_of(doc, "clip"))
    if clip:
        doc = doc.with_score("clip", _rounded(sum(clip) / len(clip))).with_score("clip_min", min(clip))
    return doc.with_score("clip_best", max(_of(doc, "clip_best")))


def _of(doc: Document, name: str) -> Iterator[float]:
    return (image.scores[name] for image in doc.images if name in image.scores)


def _rounded(value: float) -> float:
    return round(float(value), 4)
