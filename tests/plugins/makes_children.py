"""A step that takes documents apart."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from pipeline.stage import Stage
from schemas.document import Document
from schemas.outcome import Outcome


class MakesChildren(Stage):
    """One document per element, `<id>#<position>`."""

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        for doc in docs:
            for element in doc.elements:
                yield replace(doc, id=f"{doc.id}#{element.position}", elements=(element,))
