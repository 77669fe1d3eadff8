"""Removes near-duplicate texts by MinHash: band keys find candidate pairs, signatures verify them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa

from interloom.pipeline.contents import TEXT, Content, Need
from interloom.pipeline.stage import Exchange, GlobalStage, Rows
from interloom.pipeline.store.merging import column
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop, Outcome
from interloom.stages._dedup import duplicates
from interloom.stages._dedup.components import components
from interloom.stages._dedup.duplicates import KEEP_COLUMNS, Keep
from interloom.stages.dedup_minhash import buckets, groups

_NOTED_SIMILARITIES = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
"""`plan` shows the recall at these similarities."""
_MOST_VALUES = 1 << 16
"""MinHash values of a signature; RefinedWeb has 9,000. Our choice."""
_LOW_RECALL = 0.95
"""`plan` warns if a smaller share of the pairs at the threshold is found. Our choice."""


def detection_probability(similarity: float, bands: int, rows: int) -> float:
    """Returns the probability that two texts share a band key (Leskovec et al., Mining of Massive Datasets, section 3.4).

    Example: similarity 0.8 with 32 bands of 8 rows -> 0.997.

    Parameters:
        similarity: Jaccard similarity of the texts. 0 to 1.
        bands: Number of bands.
        rows: Number of MinHash values in a band.
    """
    return float(1 - (1 - similarity**rows) ** bands)


@dataclass(frozen=True, kw_only=True)
class DedupMinhash(GlobalStage):
    """Keeps one document of each group of near-duplicate texts.

    The others are dropped as `near_duplicate` (value: the estimated similarity). Similarity is the Jaccard similarity of the
    sets of word n-grams of the running texts. Two documents that share a band key are candidates; candidates whose signatures
    estimate at least `threshold` are duplicates. A group is everything that such pairs connect.

    A sketch takes 8 bytes per band and 1 byte per MinHash value. Band keys are sorted, 16 bytes each; signatures move only of
    documents with a repeated key.

    Parameters:
        ngram: Length of the n-grams. Words. Default 5 (FineWeb, arXiv 2406.17557, section 3.4).
        threshold: Candidates with a lower estimated similarity are not duplicates. Above 0, at most 1. Default 0.8, our choice.
        bands: Number of bands. Default 32, our choice: with 8 rows 99.7 % of the pairs with similarity 0.8 are found.
        rows: Number of MinHash values in a band. Default 8 (FineWeb, section 3.4).
        keep: Which document of a group stays: "newest", "first" (in input order) or "longest"; of equal ones the first.
            Default "newest", our choice.
        seed: Seed of the permutations. 0 to 4294967295. Default 1, that of the library datasketch.
        min_words: Documents with fewer words are never duplicates. Words. Default 1, our choice.
    """

    memory_bytes: ClassVar[int] = 320_000_000
    commutes_with_filters: ClassVar[bool] = True
    sketch_params: ClassVar[tuple[str, ...]] = ("ngram", "bands", "rows", "seed", "min_words")

    ngram: int = 5
    threshold: float = 0.8
    bands: int = 32
    rows: int = 8
    keep: Keep = "newest"
    seed: int = 1
    min_words: int = 1

    def needs(self) -> Iterable[Need]:
        return (TEXT,)

    def provides(self) -> Iterable[Content]:
        return ()

    def check(self) -> Iterable[str]:
        for name in ("ngram", "bands", "rows", "min_words"):
            if getattr(self, name) < 1:
                yield f"{name}: must be at least 1"
        if self._values > _MOST_VALUES:
            yield f"bands x rows: must be at most {_MOST_VALUES:,}, the bytes of a signature"
        if not 0 < self.threshold <= 1:
            yield "threshold: must be above 0 and at most 1"
        if not 0 <= self.seed < 1 << 32:
            yield "seed: must be between 0 and 4294967295"

    def notes(self) -> Iterable[str]:
        recall = self._recall(self.threshold)
        error = (self.threshold * (1 - self.threshold) / self._values) ** 0.5
        recalls = "  ".join(f"{s:g}: {self._recall(s):.3f}" for s in _NOTED_SIMILARITIES)
        yield f"{self.bands} bands x {self.rows} rows find a pair of similarity  {recalls}"
        yield f"expected recall at the threshold {self.threshold:g}: {recall:.3f}; verified with a standard error of {error:.3f}"
        if recall < _LOW_RECALL:
            yield f"warning: {1 - recall:.0%} of the pairs at the threshold are never compared; use more bands or fewer rows"

    def _recall(self, similarity: float) -> float:
        return detection_probability(similarity, self.bands, self.rows)

    @property
    def _values(self) -> int:
        """The number of MinHash values of a document, and of bytes of its signature."""
        return self.bands * self.rows

    @property
    def _band_names(self) -> list[str]:
        return [f"band_{band}" for band in range(self.bands)]

    def sketch(self, docs: Sequence[Document]) -> pa.Table:
        """Returns the columns id, date, length, band_0 ..., signature; a document with too few words has no row."""
        from interloom.stages.dedup_minhash import minhash

        texts = [doc.text for doc in docs]
        shingles, ends, word_counts = minhash.shingle_hashes(texts, self.ngram)
        values = minhash.minhash_values(shingles, ends, self._values, self.seed)
        keys = minhash.band_keys(values, self.bands)
        columns = {"id": pa.array([doc.id for doc in docs], pa.string()), **duplicates.keep_columns(docs, texts)}
        columns |= dict(zip(self._band_names, map(pa.array, keys), strict=True))
        signatures = pa.py_buffer(minhash.to_bytes(values))
        columns["signature"] = pa.Array.from_buffers(pa.binary(self._values), len(docs), [None, signatures])
        return pa.table(columns).filter(pa.array(word_counts >= self.min_words))

    def exchanges(self) -> tuple[Exchange, ...]:
        return (
            Exchange(name="buckets", reads=("sketch",), send=self._send_keys, meet=buckets.meet_band_keys),
            Exchange(
                name="signatures",
                reads=("buckets",),
                send=lambda _, rows: buckets.send_to_parts(rows),
                meet=self._join_sketches,
                joins_parts=True,
            ),
            Exchange(
                name="pairs",
                reads=("signatures",),
                send=lambda _, rows: buckets.send_to_buckets(rows),
                meet=self._meet_in_buckets,
            ),
            components("components", reads=("pairs",)),
            Exchange(name="members", reads=("components", "pairs"), send=groups.send_to_nodes, meet=groups.meet_at_nodes),
            Exchange(name="kept", reads=("members",), send=lambda _, rows: groups.send_to_roots(rows), meet=self._meet_at_roots),
        )

    def _send_keys(self, which: str, sketch: pa.Table) -> pa.Table:
        return buckets.send_band_keys(sketch, self._band_names)

    def _join_sketches(self, rows: Rows, sketches: Rows) -> Iterator[pa.Table]:
        tables = sketches.read(["node", "id", *KEEP_COLUMNS, "signature"])
        return buckets.join_sketches(
            rows, (table.append_column("priority", pa.array(duplicates.priority(table, self.keep))) for table in tables)
        )

    def _meet_in_buckets(self, rows: Rows) -> Iterator[pa.Table]:
        from interloom.stages.dedup_minhash import minhash

        return buckets.meet_in_buckets(rows, self._values, minhash.min_matches(self.threshold, self._values))

    def _meet_at_roots(self, rows: Rows) -> Iterator[pa.Table]:
        """Yields the columns part, id, kept and similarity, with a row for each document to drop."""
        from interloom.stages.dedup_minhash import minhash

        for table in duplicates.meet_equal_keys(rows, also=("matches",)):
            similarity = minhash.estimate_similarity(column(table, "matches"), self._values)
            yield pa.table([*table.select(["part", "id", "kept"]).columns, similarity], schema=groups.VERDICTS)

    def apply(self, docs: Sequence[Document], verdicts: Mapping[str, list[dict[str, Any]]]) -> Iterator[Outcome]:
        return duplicates.drop_duplicates(
            docs, verdicts, lambda doc, verdict: Drop("near_duplicate", verdict["similarity"], self.threshold)
        )
