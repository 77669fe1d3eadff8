"""A step that works on images and has a weakness."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from interloom.pipeline.stage import Level, Stage
from interloom.schemas.document import Document, Element, Image
from interloom.schemas.outcome import Outcome


@dataclass(frozen=True, kw_only=True)
class BreaksOnPicture(Stage):
    """Writes the format of every image; raises ValueError at one whose URL has `poison` in it."""

    level: ClassVar[Level] = "image"

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        for doc in docs:
            yield doc.with_elements(_seen(e) for e in doc.elements)


def _seen(element: Element) -> Element:
    if not isinstance(element, Image):
        return element
    if "poison" in element.url:
        raise ValueError("poison in the picture")
    return replace(element, format="png")
