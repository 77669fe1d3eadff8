"""Sums over the rows with the same key, of one table and of a stream of tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from interloom.pipeline.exchange_rows import Ints, Keys
from interloom.pipeline.store.merging import KEY, ORDER, column


def summed(tables: Iterable[pa.Table], names: Sequence[str]) -> tuple[Keys, list[Ints]]:
    """Returns the different keys of the tables, sorted, and for each of the columns `names` its sums over the rows of each key.

    An entry for each key is held.
    """
    keys, sums = np.empty(0, np.uint64), [np.empty(0, np.int64) for _ in names]
    for table in tables:
        columns = zip(sums, (column(table, name) for name in names), strict=True)
        keys, sums = sums_of(np.concatenate([keys, column(table, KEY)]), [np.concatenate(pair) for pair in columns])
    return keys, sums


def sums_of(keys: Any, columns: Sequence[Ints]) -> tuple[Any, list[Ints]]:
    """Returns the different keys, sorted, and for each column its sums over each key. 3 5 3, [1 2 4] -> 3 5, [5 2]."""
    different, place = np.unique(keys, return_inverse=True)
    sums = [np.zeros(len(different), np.int64) for _ in columns]
    for own, values in zip(sums, columns, strict=True):
        np.add.at(own, place, values)
    return different, sums


def sent_sums(keys: Any, **columns: Ints) -> pa.Table:
    """Returns the sums over each key on their way to those of other tables."""
    different, sums = sums_of(keys, list(columns.values()))
    named = {name: pa.array(own) for name, own in zip(columns, sums, strict=True)}
    return pa.table({KEY: pa.array(different.astype(np.uint64)), ORDER: pa.array(np.zeros(len(different), np.int64)), **named})
