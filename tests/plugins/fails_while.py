"""A step that meets a failing service."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from interloom.pipeline.errors import UnitError
from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document
from interloom.schemas.outcome import Outcome


@dataclass(frozen=True, kw_only=True)
class FailsWhile(Stage):
    """Raises UnitError at documents with the word `late`, as long as the file is there."""

    file: str

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        if Path(self.file).exists() and any("late" in doc.text for doc in docs):
            raise UnitError("the service does not answer")
        yield from docs
