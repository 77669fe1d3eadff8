"""A step that takes documents apart."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document
from interloom.schemas.outcome import Outcome


class MakesChildren(Stage):
    """One document per element, `<id>#<position>`."""

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        for doc in docs:
            for element in doc.elements:
                yield replace(doc, id=f"{doc.id}#{element.position}", elements=(element,))
