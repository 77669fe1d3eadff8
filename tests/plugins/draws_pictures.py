"""A step that brings media."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document, Image
from interloom.schemas.outcome import Outcome


@dataclass(frozen=True, kw_only=True)
class DrawsPictures(Stage):
    """Adds an image whose bytes are `ink`, its URL that of the document with `.png`."""

    ink: str = "ink"

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        for doc in docs:
            url = f"{doc.source.url}.png"
            picture = Image(position=len(doc.elements), url=url, format="png", data=self.ink.encode())
            yield doc.with_elements((*doc.elements, picture))
