"""A step that says it stores embeddings, and stores none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from interloom.pipeline.contents import IMAGES, TEXT, Content, embeddings
from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document
from interloom.schemas.outcome import Outcome


@dataclass(frozen=True, kw_only=True)
class StoresVectors(Stage):
    """Passes documents unchanged."""

    of: str = "image"
    model: str = "a"
    version: str = ""

    def provides(self) -> Iterable[Content]:
        return TEXT, IMAGES, embeddings(self.of, self.model, self.version)

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        yield from docs
