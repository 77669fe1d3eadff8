"""A dear step: its results are kept."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document
from interloom.schemas.outcome import Outcome


@dataclass(frozen=True, kw_only=True)
class ScoresLength(Stage):
    """Gives the score `length`: characters of the running text."""

    checkpoint: ClassVar[bool] = True

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        yield from (doc.with_score("length", len(doc.text)) for doc in docs)
