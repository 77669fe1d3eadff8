"""A wrong step: every document comes out twice."""

from collections.abc import Iterator, Sequence

from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document
from interloom.schemas.outcome import Outcome


class DoublesDocuments(Stage):
    """Yields each document two times under the same id."""

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        yield from (*docs, *docs)
