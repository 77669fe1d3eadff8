"""The report of a clustering: how many items each cluster has, and how near they are to its centre."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import pyarrow as pa

from interloom.pipeline.exchange_rows import Ints, keys_of_parts
from interloom.pipeline.stage import Exchange, RangeRows
from interloom.pipeline.store.merging import column
from interloom.stages.cluster_embeddings.assignment import ASSIGNED

SIZES = "sizes"
_PARTS = 10_000
"""Similarities have 4 decimals: as whole numbers their sum does not depend on the order."""


def sizes(clusters: int) -> Exchange:
    """The exchange of the report: cluster, items, and the mean similarity to the centre, rounded to 4 decimals."""
    return Exchange(name=SIZES, reads=(ASSIGNED,), send=partial(_send, clusters), meet=_meet, params=())


def _send(of: int, which: str, rows: pa.Table) -> pa.Table:
    clusters = column(rows, "cluster")
    numbers, counts, sums = _sums(clusters, np.ones(len(clusters), np.int64), _whole(column(rows, "similarity")))
    columns = [keys_of_parts(numbers, of), np.zeros(len(numbers), np.int64), numbers, counts, sums]
    return pa.table(columns, names=["key", "order", "cluster", "items", "sum"])


def _whole(similarities: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Ints:
    return np.rint(similarities * _PARTS).astype(np.int64)


def _sums(numbers: Ints, counts: Ints, sums: Ints) -> tuple[Ints, Ints, Ints]:
    """Each number once, in order, with the sums of both columns."""
    different, places = np.unique(numbers, return_inverse=True)
    totals = []
    for values in (counts, sums):
        total = np.zeros(len(different), np.int64)
        np.add.at(total, places, values)
        totals.append(total)
    return different, totals[0], totals[1]


def _meet(rows: RangeRows) -> Iterator[pa.Table]:
    held: list[tuple[Ints, Ints, Ints]] = []
    for table in rows.read():
        held = [_merged(*held, (column(table, "cluster"), column(table, "items"), column(table, "sum")))]
    for numbers, counts, sums in held:
        means = np.round(sums / np.maximum(counts, 1) / _PARTS, 4)
        yield pa.table({"cluster": numbers, "items": counts, "similarity": means})


def _merged(*tables: tuple[Ints, Ints, Ints]) -> tuple[Ints, Ints, Ints]:
    return _sums(*(np.concatenate(columns) for columns in zip(*tables, strict=True)))
