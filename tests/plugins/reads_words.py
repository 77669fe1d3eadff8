"""A step that reads the rows that an earlier step stored about the documents at hand."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa

from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document
from interloom.schemas.outcome import Outcome


@dataclass(frozen=True, kw_only=True)
class ReadsWords(Stage):
    """Labels each document with the words that the side table `words` has about it."""

    side_tables: ClassVar[tuple[str, ...]] = ("words",)

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        return self.process_with(docs, {})

    def process_with(self, docs: Sequence[Document], sides: Mapping[str, Sequence[pa.Table]]) -> Iterator[Outcome]:
        words: dict[str, list[str]] = {}
        for table in sides.get("words", ()):
            for row in table.to_pylist():
                words.setdefault(row["id"], []).append(row["word"])
        for doc in docs:
            yield doc.with_labels(words=" ".join(words.get(doc.id, [])))
