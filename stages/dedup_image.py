"""Pictures that a corpus repeats: logos and banners seen everywhere, and second copies inside one document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import pyarrow as pa

from interloom.pipeline.stage import GlobalStage, Rows
from interloom.schemas.document import Document, Image
from interloom.schemas.outcome import Drop, Dropped, Outcome
from interloom.stages._dedup import duplicates

FOUND = pa.schema({"document_part": pa.int32(), "id": pa.string(), "position": pa.int64(), "count": pa.int64()})


@dataclass(frozen=True, kw_only=True)
class DedupImage(GlobalStage):
    """Drops pictures, never documents; captions leave with them.

    One seen more than `at_most` times in the corpus goes wherever it is (reason `seen_too_often`; OBELICS, Laurencon et
    al. 2023, appendix A: 10). With `in_document`, so does each copy after the first inside a document (reason
    `repeated_in_document`). Equal means the same bytes (`sha256`) or the same perceptual hash (`phash`); a picture without
    that hash equals none.
    """

    sketch_params: ClassVar[tuple[str, ...]] = ("key",)

    key: Literal["sha256", "phash"] = "sha256"
    at_most: int = 10
    in_document: bool = True

    def check(self) -> Iterable[str]:
        if self.at_most < 1:
            yield "at_most: must be at least 1"

    def _hash(self, image: Image) -> str:
        return image.sha256 if self.key == "sha256" else image.phash

    def sketch(self, docs: Sequence[Document]) -> pa.Table:
        """Columns id, position, key, a row for each picture with a hash."""
        rows = [(doc.id, image.position, self._hash(image)) for doc in docs for image in doc.images if self._hash(image)]
        columns = {
            "id": pa.array([id_ for id_, _, _ in rows], pa.string()),
            "position": pa.array([position for _, position, _ in rows], pa.int64()),
            "key": pa.array([duplicates.hash64(key) for _, _, key in rows], pa.uint64()),
        }
        return pa.table(columns)

    def scans(self, rows: int) -> int:
        return duplicates.scans_for(rows)

    def scan(self, number: int, of: int, sketches: Rows, sides: Mapping[str, Rows]) -> pa.Table:
        """Every occurrence of the pictures of this share that are seen too often."""
        [(keys, counts)] = duplicates.repeated_keys(sketches, ["key"], (number, of), self.at_most + 1)
        if not len(keys):
            return FOUND.empty_table()
        rows = duplicates.rows_with(sketches, {"key": keys}, ["id", "position"])
        count = counts[duplicates.places(duplicates.numbers(rows, "key"), keys)]
        return pa.table([rows["part"], rows["id"], rows["position"], count], schema=FOUND)

    def decide(self, found: Rows) -> pa.Table:
        """Columns part, id, position, count, a row for each picture that goes."""
        return duplicates.verdicts(found, FOUND)

    def apply(self, docs: Sequence[Document], verdicts: Mapping[str, list[dict[str, Any]]]) -> Iterator[Outcome]:
        for doc in docs:
            counts = {verdict["position"]: verdict["count"] for verdict in verdicts.get(doc.id, [])}
            gone = dict(self._gone(doc, counts))
            for image in doc.images:
                if image.position in gone:
                    yield Dropped(doc.id, gone[image.position], image.position, image.url)
            yield doc.without(gone) if gone else doc

    def _gone(self, doc: Document, counts: Mapping[int, int]) -> Iterator[tuple[int, Drop]]:
        seen: set[str] = set()
        for image in doc.images:
            key = self._hash(image)
            if image.position in counts:
                yield image.position, Drop("seen_too_often", counts[image.position], self.at_most)
            elif self.in_document and key and key in seen:
                yield image.position, Drop("repeated_in_document")
            seen.add(key)
