"""Near-duplicate texts by MinHash: bands find candidates with high recall, signatures verify them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from interloom.pipeline.stage import GlobalStage, Rows
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop, Outcome
from interloom.stages._dedup import duplicates
from interloom.stages._dedup.duplicates import MERITS, Keep
from interloom.stages.dedup_minhash import components

_SHOWN = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
_ROWS_AT_ONCE = 2 << 20
_KEYS_PER_SCAN = 8 << 20


def detection_probability(similarity: float, bands: int, rows: int) -> float:
    """How likely a pair of this similarity shares a band (Leskovec et al., Mining of Massive Datasets, section 3.4)."""
    return float(1 - (1 - similarity**rows) ** bands)


@dataclass(frozen=True, kw_only=True)
class DedupMinhash(GlobalStage):
    """Keeps one of each group of near-duplicate texts; reason `near_duplicate`.

    Similarity is the Jaccard similarity of the sets of word `ngram`s of the running text. Documents that share a band are
    candidates; those whose signatures estimate at least `threshold` are duplicates, and so is what they chain to. `keep`
    says which stays (ties: the first in input order). A document without words, or fewer than `min_words`, is never one.
    Sketches are 8 bytes per band and 1 per permutation. A scan reads the key columns of all documents and holds the
    signatures of those only whose keys repeat.
    """

    sketch_params: ClassVar[tuple[str, ...]] = ("ngram", "bands", "rows", "seed", "min_words")

    ngram: int = 5
    threshold: float = 0.8
    bands: int = 32
    rows: int = 8
    keep: Keep = "newest"
    seed: int = 1
    min_words: int = 1

    def check(self) -> Iterable[str]:
        for name in ("ngram", "bands", "rows", "min_words"):
            if getattr(self, name) < 1:
                yield f"{name}: must be at least 1"
        if not 0 < self.threshold <= 1:
            yield "threshold: must be above 0 and at most 1"
        if not 0 <= self.seed < 1 << 32:
            yield "seed: must be between 0 and 4294967295"

    def notes(self) -> Iterable[str]:
        recall = self._recall(self.threshold)
        error = (self.threshold * (1 - self.threshold) / self._values) ** 0.5
        shown = "  ".join(f"{s:g}: {self._recall(s):.3f}" for s in _SHOWN)
        yield f"{self.bands} bands x {self.rows} rows find a pair of similarity  {shown}"
        yield f"expected recall at the threshold {self.threshold:g}: {recall:.3f}; verified with a standard error of {error:.3f}"
        if recall < 0.95:
            yield f"warning: {1 - recall:.0%} of the pairs at the threshold are never compared; take more bands or fewer rows"

    def _recall(self, similarity: float) -> float:
        return detection_probability(similarity, self.bands, self.rows)

    @property
    def _values(self) -> int:
        return self.bands * self.rows

    @property
    def _band_names(self) -> list[str]:
        return [f"band_{band}" for band in range(self.bands)]

    def sketch(self, docs: Sequence[Document]) -> pa.Table:
        """Columns id, date, length, band_0 ..., signature; no row for a document with too few words."""
        from interloom.stages.dedup_minhash import minhash

        texts = [doc.text for doc in docs]
        shingles, ends, words = minhash.shingle_hashes(texts, self.ngram)
        least = minhash.minima(shingles, ends, self._values, self.seed)
        keys = minhash.band_keys(least, self.bands)
        columns = {"id": pa.array([doc.id for doc in docs], pa.string()), **duplicates.merits(docs, texts)}
        columns |= dict(zip(self._band_names, map(pa.array, keys), strict=True))
        bits = pa.py_buffer(minhash.low_bits(least))
        columns["signature"] = pa.Array.from_buffers(pa.binary(self._values), len(docs), [None, bits])
        return pa.table(columns).filter(pa.array(words >= self.min_words))

    def scans(self, rows: int) -> int:
        """Few documents: several bands to a scan. Many: each band's keys in shares, so that memory stays flat."""
        shares = -(-rows // _KEYS_PER_SCAN)
        return self.bands * shares if shares > 1 else min(self.bands, 1 + rows * self.bands // _ROWS_AT_ONCE)

    def scan(self, number: int, of: int, sketches: Rows, sides: Mapping[str, Rows]) -> pa.Table:
        """Pairs at or above the threshold that join all documents sharing a key of this scan's bands."""
        names = self._band_names[number % self.bands :: of]
        share = number // self.bands, max(1, of // self.bands)
        repeated = duplicates.repeated_keys(sketches, names, share)
        wanted = {name: keys for name, (keys, _) in zip(names, repeated, strict=True)}
        if not any(map(len, wanted.values())):
            return components.EDGES.empty_table()
        return self._edges(duplicates.rows_with(sketches, wanted, ["id", *MERITS, "signature"]), names)

    def _edges(self, rows: pa.Table, names: Sequence[str]) -> pa.Table:
        from interloom.stages.dedup_minhash import minhash

        buffer = rows["signature"].combine_chunks()
        signatures = np.frombuffer(buffer.buffers()[1], np.uint8)[buffer.offset * self._values :]
        signatures = signatures[: len(rows) * self._values].reshape(len(rows), self._values)
        keys = [duplicates.numbers(rows, name) for name in names]
        found = minhash.linked(keys, signatures, minhash.matches_for(self.threshold, self._values))
        similarity = minhash.similarity_of(found[:, 2], self._values)
        return components.edges(rows, duplicates.merit(rows, self.keep), found[:, :2], similarity)

    def decide(self, found: Rows) -> pa.Table:
        """Columns part, id, kept, similarity, a row for each document that goes."""
        return components.verdicts(found)

    def apply(self, docs: Sequence[Document], verdicts: Mapping[str, list[dict[str, Any]]]) -> Iterator[Outcome]:
        return duplicates.without_duplicates(
            docs, verdicts, lambda doc, verdict: Drop("near_duplicate", verdict["similarity"], self.threshold)
        )
