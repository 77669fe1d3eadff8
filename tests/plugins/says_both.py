"""A wrong step: it drops what it passes on."""

from collections.abc import Iterator, Sequence

from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop, Dropped, Outcome


class SaysBoth(Stage):
    """Drops every document and yields it too."""

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        for doc in docs:
            yield Dropped(doc.id, Drop("unsure"))
            yield doc
