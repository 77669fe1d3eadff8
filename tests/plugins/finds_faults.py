"""A step whose check finds something."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document
from interloom.schemas.outcome import Outcome


@dataclass(frozen=True, kw_only=True)
class FindsFaults(Stage):
    """Has `faults` to report before any work, and a note for the plan."""

    faults: tuple[str, ...] = ()

    def check(self) -> Iterable[str]:
        return self.faults

    def notes(self) -> Iterable[str]:
        return ["takes one look"]

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        yield from docs
