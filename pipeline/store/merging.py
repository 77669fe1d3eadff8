"""Rows sorted by `key` (uint64) and `order` (int64): sorts them, and merges sorted streams of them in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

KEY, ORDER = "key", "order"


def sorted_rows(table: pa.Table) -> pa.Table:
    """The rows by key and order; rows that are equal in both stay in their order."""
    keys, order = column(table, KEY), column(table, ORDER)
    return table.take(pa.array(np.lexsort((order, keys))))


def column(table: pa.Table, name: str) -> npt.NDArray[Any]:
    """A column without nulls as one array."""
    return table[name].combine_chunks().to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]


def merged(streams: Iterable[Iterator[pa.Table]]) -> Iterator[pa.Table]:
    """The rows of streams that are each sorted by key and order, sorted together.

    It holds two batches of each stream. Rows go out as soon as no stream can bring an earlier one: up to the least of the last
    rows of the batches of streams that go on.
    """
    runs = [run for stream in streams if (run := _Run.of(stream)) is not None]
    while runs:
        bound = min((run.last() for run in runs if run.goes_on), default=None)
        ready = [rows for run in runs if (rows := run.take(bound)).num_rows]
        runs = [run for run in runs if run.refill()]
        if ready:
            yield sorted_rows(pa.concat_tables(ready)) if len(ready) > 1 else ready[0]


@dataclass(slots=True)
class _Run:
    """A sorted stream: the batch at hand, and the one after it, so that it is known whether the stream goes on."""

    rows: pa.Table
    next_rows: pa.Table | None
    stream: Iterator[pa.Table]

    @classmethod
    def of(cls, stream: Iterator[pa.Table]) -> Self | None:
        filled = (table for table in stream if table.num_rows)
        first = next(filled, None)
        return None if first is None else cls(first, next(filled, None), filled)

    @property
    def goes_on(self) -> bool:
        return self.next_rows is not None

    def last(self) -> tuple[int, int]:
        return self.rows[KEY][-1].as_py(), self.rows[ORDER][-1].as_py()

    def take(self, bound: tuple[int, int] | None) -> pa.Table:
        """The rows up to the bound, which leave the batch at hand; all without a bound."""
        count = self.rows.num_rows if bound is None else self._count_up_to(*bound)
        taken, self.rows = self.rows.slice(0, count), self.rows.slice(count)
        return taken

    def _count_up_to(self, key: int, order: int) -> int:
        keys = column(self.rows, KEY)
        first, after = np.searchsorted(keys, np.uint64(key), "left"), np.searchsorted(keys, np.uint64(key), "right")
        equal = column(self.rows.slice(first, after - first), ORDER)
        return int(first + np.searchsorted(equal, order, "right"))

    def refill(self) -> bool:
        """Takes the next batch when this one is used up; False at the end of the stream."""
        if self.rows.num_rows:
            return True
        if self.next_rows is None:
            return False
        self.rows, self.next_rows = self.next_rows, next(self.stream, None)
        return True
