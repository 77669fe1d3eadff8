"""`dedup_minhash` over made sketches, many for each document: its exchanges at the size of a corpus that is not there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from interloom.schemas.document import Document
from interloom.schemas.outcome import Outcome
from interloom.stages._dedup.duplicates import hash64
from interloom.stages.dedup_minhash import DedupMinhash

_COPY_EVERY = 10


@dataclass(frozen=True, kw_only=True)
class PlantedSketches(DedupMinhash):
    """Each document gives random sketch rows, of which every tenth is a copy of the one before. No document is dropped.

    Parameters:
        each: Sketch rows of a document.
    """

    sketch_params = (*DedupMinhash.sketch_params, "each")

    each: int = 100

    def sketch(self, docs: Sequence[Document]) -> pa.Table:
        count = len(docs) * self.each
        rng = np.random.default_rng(hash64(docs[0].id) if docs else 0)
        source = np.arange(count)
        source[_COPY_EVERY - 1 :: _COPY_EVERY] -= 1
        keys = rng.integers(1 << 64, size=(count, self.bands), dtype=np.uint64)[source]
        values = rng.integers(256, size=(count, self._values), dtype=np.uint8)[source]
        columns = {"id": pa.array([f"{doc.id}#{row}" for doc in docs for row in range(self.each)], pa.string())}
        columns |= {name: pa.array(np.full(count, row, np.int64)) for row, name in enumerate(("date", "length"))}
        columns |= {name: pa.array(keys[:, band].copy()) for band, name in enumerate(self._band_names)}
        signatures = [None, pa.py_buffer(values)]
        return pa.table({**columns, "signature": pa.Array.from_buffers(pa.binary(self._values), count, signatures)})

    def apply(self, docs: Sequence[Document], verdicts: Mapping[str, list[dict[str, Any]]]) -> Iterator[Outcome]:
        yield from docs
