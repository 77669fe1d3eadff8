"""A wrong step: documents vanish."""

from collections.abc import Iterator, Sequence

from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document
from interloom.schemas.outcome import Outcome


class LosesDocuments(Stage):
    """Says nothing of the first document of a batch."""

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        yield from docs[1:]
