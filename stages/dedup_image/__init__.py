"""Removes images that a corpus repeats, such as logos and banners, and repeated images inside one document."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa

from interloom.pipeline.contents import IMAGE_PHASH, IMAGE_SHA256, Content, Need
from interloom.pipeline.stage import Exchange, GlobalStage, Rows
from interloom.schemas.document import Document, Image
from interloom.schemas.outcome import Drop, Dropped, Outcome
from interloom.stages._dedup.duplicates import hash64
from interloom.stages.dedup_image import near, occurrences, totals
from interloom.stages.dedup_image.scopes import Scope, scope_name

_MOST_BITS = 10
"""The largest distance. Beyond it a block has fewer than five bits, and hashes of different pictures become near. Our choice."""
_PHASH = re.compile("[0-9a-fA-F]{16}")


@dataclass(frozen=True, kw_only=True)
class DedupImage(GlobalStage):
    """Drops images that occur too often, in the same bytes or nearly the same look, and repeated images inside one document.

    An image that occurs too often in its scope is dropped wherever it is, or but for the first time (`seen_too_often`; value: how
    often). Of an image that a document repeats, all but the first are dropped (`repeated_in_document`). Captions are dropped
    with their images; documents stay, also those without images.

    With a `distance`, an image occurs as often as there are images within that distance of it, itself among them; and a repeated
    image is one with an earlier image within that distance. What is near is not passed on: if A is near B and B near C, then C
    does not count for A. So the count is exact, does not depend on any order, and no chain of small steps joins pictures that
    differ. With `keep: first` it may happen that B is dropped because of A and C because of B.

    Published values: at most 10 times by URL or bytes in the corpus (OBELICS), by perceptual hash (`key: phash`; OmniCorpus,
    arXiv 2406.08418), 5 bits within a document (`key: phash`, `distance: 5`, `at_most: null`; MMC4, arXiv 2304.06939).

    Parameters:
        key: When images are the same: "sha256" (same bytes) or "phash" (same perceptual hash). An image without that hash is
            never a duplicate. Default "sha256", our choice.
        distance: Perceptual hashes that differ in so many bits are the same. Bits, 0 to 10; above 0 for the key "phash" only.
            Nearly all have 32 bits set, so an odd distance finds what the even one below it finds. Default 0, our choice. Of 936
            copies of real pictures in other formats and sizes 0 finds .933, 2 .996, 4 .999 and 6 all, without a false one
            (benchmarks/image_duplicates.py).
        scope: Where occurrences are counted: in the whole "corpus", in each "dump" (crawl of Common Crawl, by the file's path) or
            in each "domain" (host of the page's URL without `www.`). Documents that name none are one scope. Default "corpus"
            (OBELICS).
        at_most: Images that occur more often in their scope are dropped; null: no limit. Occurrences, at least 1. Default 10
            (OBELICS, arXiv 2306.16527, appendix A).
        keep: What stays of an image that occurs too often: "none" of its occurrences or the "first" (in input order). Default
            "none" (OBELICS).
        in_document: Whether repeated images inside one document are dropped. Default true, our choice.
    """

    sketch_params: ClassVar[tuple[str, ...]] = ("key", "scope")

    key: Literal["sha256", "phash"] = "sha256"
    distance: int = 0
    scope: Scope = "corpus"
    at_most: int | None = 10
    keep: Literal["none", "first"] = "none"
    in_document: bool = True

    def needs(self) -> Iterable[Need]:
        return (IMAGE_SHA256,) if self.key == "sha256" else (IMAGE_PHASH,)

    def provides(self) -> Iterable[Content]:
        return ()

    def check(self) -> Iterable[str]:
        if self.at_most is not None and self.at_most < 1:
            yield "at_most: must be at least 1"
        if not 0 <= self.distance <= _MOST_BITS:
            yield f"distance: must be between 0 and {_MOST_BITS}"
        if self.distance and self.key != "phash":
            yield "distance: needs key: phash, because hashes of bytes have no distances"
        if self.at_most is None and not self.in_document:
            yield "at_most: without a limit and without in_document the step drops nothing"

    def _hash(self, image: Image) -> int | None:
        """Returns the 64 bits that are compared, None if the image has no such hash."""
        if self.key == "sha256":
            return hash64(image.sha256) if image.sha256 else None
        return int(image.phash, 16) if _PHASH.fullmatch(image.phash) else None

    def sketch(self, docs: Sequence[Document]) -> pa.Table:
        """Returns the columns id, position, hash and scope, with a row for each image that has a hash."""
        scopes = [hash64(scope_name(doc, self.scope)) if self.scope != "corpus" else 0 for doc in docs]
        rows = [
            (doc.id, image.position, phash, scope)
            for doc, scope in zip(docs, scopes, strict=True)
            for image in doc.images
            if (phash := self._hash(image)) is not None
        ]
        types = {"id": pa.string(), "position": pa.int64(), "hash": pa.uint64(), "scope": pa.uint64()}
        columns = list(zip(*rows, strict=True)) or [()] * len(types)
        return pa.table([pa.array(values, kind) for values, kind in zip(columns, types.values(), strict=True)], names=list(types))

    def exchanges(self) -> tuple[Exchange, ...]:
        """Equal images meet; with a distance, near ones first meet in blocks of bits. Verdicts are tables OCCURRENCES, with
        a row for each image to drop."""
        sketch = ("sketch",)
        if self.at_most is None:
            return (Exchange(name="images", reads=sketch, send=_send_nothing, meet=self._meet_equal),)
        if not self.distance:
            return (Exchange(name="images", reads=sketch, send=_send_occurrences, meet=self._meet_equal),)
        return (
            Exchange(name="hashes", reads=sketch, send=lambda _, rows: totals.send_hashes(rows), meet=totals.meet_hashes),
            Exchange(name="blocks", reads=("hashes",), send=self._send_to_blocks, meet=self._meet_in_blocks),
            Exchange(name="neighbours", reads=("hashes", "blocks"), send=lambda _, rows: totals.send(rows), meet=self._meet_near),
            Exchange(
                name="occurrences",
                reads=("neighbours", "sketch"),
                send=occurrences.send_with_totals,
                meet=self._meet_totals,
            ),
        )

    def _send_to_blocks(self, which: str, hashes: pa.Table) -> pa.Table:
        return near.send_to_blocks(hashes, self.distance)

    def _meet_in_blocks(self, rows: Rows) -> Iterator[pa.Table]:
        return near.meet_in_blocks(rows, self.distance)

    def _meet_near(self, rows: Rows) -> Iterator[pa.Table]:
        return totals.frequent(totals.summed(rows), self._limit)

    def _meet_equal(self, rows: Rows) -> Iterator[pa.Table]:
        return occurrences.meet_equal(rows, self._limit, keep_first=self.keep == "first")

    def _meet_totals(self, rows: Rows) -> Iterator[pa.Table]:
        return occurrences.meet_totals(rows, keep_first=self.keep == "first")

    @property
    def _limit(self) -> int:
        return np.iinfo(np.int64).max if self.at_most is None else self.at_most

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
        hashes = {image.position: phash for image in doc.images if (phash := self._hash(image)) is not None}
        repeated = near.have_earlier_neighbours(list(hashes.values()), self.distance) if self.in_document else []
        repeats = {position for position, is_repeated in zip(hashes, repeated, strict=False) if is_repeated}
        for image in doc.images:
            if image.position in counts:
                yield image.position, Drop("seen_too_often", counts[image.position], self.at_most)
            elif image.position in repeats:
                yield image.position, Drop("repeated_in_document")


def _send_occurrences(which: str, sketch: pa.Table) -> pa.Table:
    return occurrences.send(sketch)


def _send_nothing(which: str, sketch: pa.Table) -> pa.Table:
    return occurrences.send(sketch.slice(0, 0))
