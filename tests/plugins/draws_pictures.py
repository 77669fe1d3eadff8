"""A step that brings media."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document, Image
from interloom.schemas.outcome import Outcome


@dataclass(frozen=True, kw_only=True)
class DrawsPictures(Stage):
    """Adds an image whose bytes are `ink`, its URL that of the document with `.png`, where that ends with `ending`."""

    ink: str = "ink"
    ending: str = ""

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        for doc in docs:
            url = f"{doc.source.url}.png"
            position = max((element.position for element in doc.elements), default=-1) + 1
            picture = Image(position=position, url=url, format="png", data=self.ink.encode())
            yield doc.with_elements((*doc.elements, picture)) if doc.source.url.endswith(self.ending) else doc
