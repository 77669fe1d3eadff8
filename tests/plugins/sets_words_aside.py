"""A step that stores rows of a side table about each document."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document
from interloom.schemas.outcome import Outcome, Side


@dataclass(frozen=True, kw_only=True)
class SetsWordsAside(Stage):
    """Puts the words of each document into the side table `words`."""

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        for doc in docs:
            for number, word in enumerate(doc.text.split()):
                yield Side("words", {"id": doc.id, "position": 0, "number": number, "word": word})
            yield doc
