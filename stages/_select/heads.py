"""Reports how many entries are frequent (head) and how many are rare (tail), and how many matches they have."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from interloom.pipeline.stage import Exchange, Rows
from interloom.pipeline.store.merging import KEY, ORDER, column
from interloom.stages._dedup.duplicates import hash64

HEADS = pa.schema(
    {
        "language": pa.string(),
        "part": pa.string(),
        "t": pa.int64(),
        "entries": pa.int64(),
        "before": pa.int64(),
        "after": pa.int64(),
    }
)
"""The entries of a language with more than t matches ("head"), or the others that have any ("tail"): how many there are, and
their matches before and after."""
NAME = "head_and_tail"
_SENT = ("language", "t", "entries", "before", "after")


def head_exchange(reads: str) -> Exchange:
    """Returns the exchange whose result is HEADS.

    Parameters:
        reads: The name of the exchange whose result has the columns language, t, before and after of each entry.
    """
    return Exchange(name=NAME, reads=(reads,), send=_send, meet=_meet, params=())


def _send(which: str, entries: pa.Table) -> pa.Table:
    """Sends the sums of a table, those of the head first."""
    is_tail = pa.array((column(entries, "before") <= column(entries, "t")).astype(np.int64))
    groups = entries.append_column(ORDER, is_tail).group_by(["language", "t", ORDER], use_threads=False)
    sums = groups.aggregate([("before", "count"), ("before", "sum"), ("after", "sum")])
    keys = pa.array([hash64(language) for language in sums["language"].to_pylist()], pa.uint64())
    columns = [sums[name] for name in (ORDER, "language", "t", "before_count", "before_sum", "after_sum")]
    return pa.table([keys, *columns], names=[KEY, ORDER, *_SENT])


def _meet(rows: Rows) -> Iterator[pa.Table]:
    totals: dict[tuple[str, int, int], list[int]] = {}
    for table in rows.read([ORDER, *_SENT]):
        for is_tail, language, t, *counts in zip(*(of.to_pylist() for of in table.columns), strict=True):
            total = totals.setdefault((language, is_tail, t), [0] * len(counts))
            total[:] = [known + more for known, more in zip(total, counts, strict=True)]
    rows_of_heads = [(language, ("head", "tail")[is_tail], t, *counts) for (language, is_tail, t), counts in totals.items()]
    yield pa.table(
        [pa.array(of, field.type) for of, field in zip(zip(*rows_of_heads, strict=True), HEADS, strict=True)], schema=HEADS
    )
