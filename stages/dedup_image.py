"""Removes images that a corpus repeats, such as logos and banners, and repeated images inside one document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import pyarrow as pa

from interloom.pipeline.stage import Exchange, GlobalStage, Rows
from interloom.schemas.document import Document, Image
from interloom.schemas.outcome import Drop, Dropped, Outcome
from interloom.stages._dedup import duplicates

OCCURRENCES = pa.schema({"part": pa.int32(), "id": pa.string(), "position": pa.int64(), "count": pa.int64()})
"""One occurrence of an image, and how often that image occurs in the corpus."""


@dataclass(frozen=True, kw_only=True)
class DedupImage(GlobalStage):
    """Drops images that occur too often in the corpus, and repeated images inside one document.

    An image that occurs too often is dropped wherever it is (`seen_too_often`; value: how often); of an image that a document
    repeats, all but the first are dropped (`repeated_in_document`). Captions are dropped with their images; documents stay.

    Parameters:
        key: When images are the same: "sha256" (same bytes) or "phash" (same perceptual hash). An image without that hash is
            never a duplicate. Default "sha256", our choice.
        at_most: Images that occur more often in the corpus are dropped. Occurrences, at least 1. Default 10 (OBELICS, arXiv
            2306.16527, appendix A).
        in_document: Whether repeated images inside one document are dropped. Default true, our choice.
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
        """Returns the columns id, position and key, with a row for each image that has a hash."""
        rows = [(doc.id, image.position, self._hash(image)) for doc in docs for image in doc.images if self._hash(image)]
        columns = {
            "id": pa.array([id_ for id_, _, _ in rows], pa.string()),
            "position": pa.array([position for _, position, _ in rows], pa.int64()),
            "key": pa.array([duplicates.hash64(key) for _, _, key in rows], pa.uint64()),
        }
        return pa.table(columns)

    def exchanges(self) -> tuple[Exchange, ...]:
        """Equal images meet; verdicts are OCCURRENCES, with a row for each image to drop."""
        return (Exchange(name="images", reads=("sketch",), send=_send, meet=self._meet),)

    def _meet(self, rows: Rows) -> Iterator[pa.Table]:
        """Yields every occurrence of the images that occur too often. The first pass counts, the second finds the occurrences."""
        keys, counts = duplicates.frequent_keys(rows, self.at_most + 1)
        for table in rows.read(["key", "part", "id", "position"]):
            place = duplicates.indices_in(keys, duplicates.to_numpy(table, "key"))
            found = table.filter(pa.array(place >= 0))
            yield pa.table([found["part"], found["id"], found["position"], counts[place[place >= 0]]], schema=OCCURRENCES)

    def apply(self, docs: Sequence[Document], verdicts: Mapping[str, list[dict[str, Any]]]) -> Iterator[Outcome]:
        for doc in docs:
            counts = {verdict["position"]: verdict["count"] for verdict in verdicts.get(doc.id, [])}
            drops = dict(self._judge_images(doc, counts))
            for image in doc.images:
                if image.position in drops:
                    yield Dropped(doc.id, drops[image.position], image.position, image.url)
            yield doc.without(drops) if drops else doc

    def _judge_images(self, doc: Document, counts: Mapping[int, int]) -> Iterator[tuple[int, Drop]]:
        """Yields the positions of the images to drop; `counts` holds those that occur too often, by position."""
        seen: set[str] = set()
        for image in doc.images:
            key = self._hash(image)
            if image.position in counts:
                yield image.position, Drop("seen_too_often", counts[image.position], self.at_most)
            elif self.in_document and key and key in seen:
                yield image.position, Drop("repeated_in_document")
            seen.add(key)


def _send(source: str, sketch: pa.Table) -> pa.Table:
    return sketch.select(["key", "node", "part", "id", "position"]).rename_columns({"node": "order"})
