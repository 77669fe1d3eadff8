"""A step with a weakness."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document
from interloom.schemas.outcome import Outcome


@dataclass(frozen=True, kw_only=True)
class BreaksOn(Stage):
    """Raises ValueError at a text with this word, and passes on everything else."""

    word: str = "poison"

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        for doc in docs:
            if self.word in doc.text:
                raise ValueError(f"cannot take {doc.text!r}")
            yield doc
