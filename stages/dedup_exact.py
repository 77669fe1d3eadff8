"""Documents whose text is the same, or, where there is no text, whose pictures are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa

from interloom.pipeline.stage import GlobalStage, Rows
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop, Outcome
from interloom.stages._dedup import duplicates
from interloom.stages._dedup.duplicates import Keep


@dataclass(frozen=True, kw_only=True)
class DedupExact(GlobalStage):
    """Keeps one of the documents with the same running text; reason `duplicate_text`.

    `normalise` compares in lower case with white space folded. A document without text is compared by its pictures in
    order (reason `duplicate_images`); one with neither, or with a picture of unknown hash, is never a duplicate.
    """

    sketch_params: ClassVar[tuple[str, ...]] = ("normalise",)

    normalise: bool = True
    keep: Keep = "newest"

    def sketch(self, docs: Sequence[Document]) -> pa.Table:
        """Columns id, key, date, length; no row for a document that has nothing to compare."""
        return duplicates.keyed(docs, [self._content(doc) for doc in docs])

    def _content(self, doc: Document) -> str:
        text = doc.text
        if text.strip():
            return "text " + (" ".join(text.lower().split()) if self.normalise else text)
        hashes = [image.sha256 for image in doc.images]
        return "images " + " ".join(hashes) if hashes and all(hashes) else ""

    def scans(self, rows: int) -> int:
        return duplicates.scans_for(rows)

    def scan(self, number: int, of: int, sketches: Rows, sides: Mapping[str, Rows]) -> pa.Table:
        return duplicates.equal_keys(sketches, (number, of), self.keep)

    def decide(self, found: Rows) -> pa.Table:
        """Columns part, id, kept, a row for each document that goes."""
        return duplicates.verdicts(found)

    def apply(self, docs: Sequence[Document], verdicts: Mapping[str, list[dict[str, Any]]]) -> Iterator[Outcome]:
        return duplicates.without_duplicates(docs, verdicts, _reason)


def _reason(doc: Document, verdict: dict[str, Any]) -> Drop:
    return Drop("duplicate_text" if doc.text.strip() else "duplicate_images")
