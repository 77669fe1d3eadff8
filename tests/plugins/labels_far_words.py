"""A global step that reads side tables for its sketch, shares results among exchanges, reports them, and stores rows itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from interloom.pipeline.exchange_rows import key_counts
from interloom.pipeline.stage import Exchange, GlobalStage, Rows
from interloom.schemas.document import Document
from interloom.schemas.outcome import Outcome, Side

_SHIFT = 58  # so that lengths up to 63 are spread over all keys


@dataclass(frozen=True, kw_only=True)
class LabelsFarWords(GlobalStage):
    """Labels each document with its words that are by `factor` longer than the mean of all different words and have at least
    `least` letters, and stores them as lines of screens. The words are those of the side table `words`."""

    sketch_tables: ClassVar[tuple[str, ...]] = ("words",)
    reports: ClassVar[tuple[str, ...]] = ("lengths", "none")

    factor: float = 1.0
    least: int = 0

    def sketch(self, docs: Sequence[Document]) -> pa.Table:
        return self.sketch_with(docs, {})

    def sketch_with(self, docs: Sequence[Document], sides: Mapping[str, Sequence[pa.Table]]) -> pa.Table:
        rows = [row for table in sides.get("words", ()) for row in table.to_pylist()]
        if not rows:  # tables without rows may have any columns
            return pa.table({"id": pa.array([], pa.string())})
        return pa.table({"id": [row["id"] for row in rows], "word": [row["word"] for row in rows]})

    def exchanges(self) -> tuple[Exchange, ...]:
        shared, send = ("lengths",), self._send_far
        lengths = Exchange(name="lengths", reads=("sketch",), send=_send_lengths, meet=_count, params=())
        return lengths, Exchange(name="far", reads=("sketch",), send=send, meet=self._far, shared=shared, params=("factor",))

    def _send_far(self, source: str, sketch: pa.Table, shared: Mapping[str, pa.Table]) -> pa.Table:
        if not sketch.num_rows:
            return sketch
        mean = pc.mean(shared["lengths"]["length"]).as_py()
        length = pc.utf8_length(sketch["word"])
        rows = sketch.append_column("key", length.cast(pa.uint64())).append_column("order", sketch["node"])
        return rows.filter(pc.greater(length, self.factor * mean)).drop_columns(["node"])

    def _far(self, rows: Rows, shared: Mapping[str, pa.Table]) -> Iterator[pa.Table]:
        most = pc.max(shared["lengths"]["length"]).as_py()
        for table in rows.read():
            yield table.append_column("is_longest", pc.equal(table["key"], pa.scalar(most, pa.uint64())))

    def apply(self, docs: Sequence[Document], verdicts: Mapping[str, list[dict[str, Any]]]) -> Iterator[Outcome]:
        for doc in docs:
            found = [row["word"] + "!" * row["is_longest"] for row in verdicts.get(doc.id, []) if len(row["word"]) >= self.least]
            for number, word in enumerate(sorted(found)):
                yield Side("words", {"id": doc.id, "position": 1, "number": number, "word": word})
            yield doc


def _send_lengths(source: str, sketch: pa.Table) -> pa.Table:
    if not sketch.num_rows:
        return sketch
    rows = sketch.append_column(
        "key", pc.shift_left(pc.utf8_length(sketch["word"]).cast(pa.uint64()), pa.scalar(_SHIFT, pa.uint64()))
    )
    return rows.append_column("order", sketch["node"]).select(["key", "order"])


def _count(rows: Rows) -> Iterator[pa.Table]:
    for keys, counts in key_counts(rows.read(["key"])):
        yield pa.table({"length": pa.array((keys >> np.uint64(_SHIFT)).astype("int64")), "count": pa.array(counts)})
