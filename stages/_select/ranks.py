"""Ranks rows of an exchange among all rows or among those with the same key, and tells which are behind the last one to keep."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pyarrow as pa

from interloom.pipeline.exchange_rows import Ints, frequent_keys, in_total_order, numbered
from interloom.pipeline.stage import RangeRows, Rows
from interloom.pipeline.store.merging import column
from interloom.stages._dedup.duplicates import indices_in

ITEM = ("part", "id", "position")
"""The columns that say what is ranked: a document (position -1) or an element of it."""
BEHIND = pa.schema({"part": pa.int32(), "id": pa.string(), "position": pa.int32(), "rank": pa.int64(), "limit": pa.int64()})
"""An item that is not selected: its rank, counted from 1, and the last rank that is."""
RANKED = pa.schema(
    {"part": pa.int32(), "id": pa.string(), "position": pa.int32(), "group": pa.uint64(), "size": pa.int64(), "rank": pa.int64()}
)
"""An item, its group, its size, and its rank among all, counted from 0."""
SENT = (*ITEM, "group", "size")
"""The columns of what is ranked that travel along."""


@dataclass(frozen=True, slots=True)
class Limit:
    """How many of some rows are selected: at most a number, or a share of them, rounded up."""

    at_most: int | None = None
    share: float | None = None

    def of(self, counts: Ints) -> Ints:
        """Returns the last rank that is selected of so many rows each. Shares are exact: 0.07 of 100 is 7, of 101 it is 8.

        Two million rows in groups have at most 2,000 different counts, so each is computed once, in integers of any size.
        """
        if self.share is None:
            return np.full(len(counts), self.at_most, np.int64)
        share = Fraction(str(self.share))
        values, place = np.unique(counts, return_inverse=True)
        limits = [-(-int(value) * share.numerator // share.denominator) for value in values]
        return np.array(limits, np.int64)[place]


def rank_all(rows: RangeRows) -> Iterator[pa.Table]:
    """Yields tables RANKED: each row with its rank among all rows of the exchange."""
    first = rows.before
    for table in in_total_order(rows.read(["key", "order", *SENT]), ITEM[1:]):
        ranks = pa.array(np.arange(first, first + table.num_rows))
        yield pa.table([*table.select(SENT).columns, ranks], schema=RANKED)
        first += table.num_rows


def behind_all(rows: RangeRows, limit: Limit) -> Iterator[pa.Table]:
    """Yields tables BEHIND: the rows that are not among the first of all rows of the exchange."""
    last, first = int(limit.of(np.array([rows.total]))[0]), rows.before
    if first + rows.count <= last:
        return
    for table in in_total_order(rows.read(["key", "order", *ITEM]), ITEM[1:]):
        ranks = np.arange(first, first + table.num_rows)
        yield behind(table, ranks + 1, np.full(len(ranks), last))
        first += table.num_rows


def behind_in_groups(rows: Rows, limit: Limit) -> Iterator[pa.Table]:
    """Yields tables BEHIND: the rows that are not among the first of the rows with the same key.

    For a share the first pass counts the rows of each key; only keys of several rows are held.
    """
    keys, counts = frequent_keys(rows.read(["key"]) if limit.share is not None else (), 2)
    limits = np.append(limit.of(counts), limit.of(np.array([1])))  # the last one, at -1, is that of a key with one row
    for table, numbers in numbered(in_total_order(rows.read(["key", "order", *ITEM]), ITEM[1:])):
        yield behind(table, numbers + 1, limits[indices_in(keys, column(table, "key"))])


def behind(table: pa.Table, ranks: Ints, limits: Ints) -> pa.Table:
    """Returns a table BEHIND of the rows whose rank, counted from 1, is above their limit."""
    is_behind = ranks > limits
    items = table.select(ITEM).filter(pa.array(is_behind))
    return pa.table([*items.columns, ranks[is_behind], limits[is_behind]], schema=BEHIND)


def at_quantiles(rows: RangeRows, shares: Sequence[float]) -> Iterator[pa.Table]:
    """Yields the rows at quantiles of all rows of the exchange, with the column `share`: each row has the least rank such that
    this share of all rows is at it or before it.

    Parameters:
        rows: The rows, in an order that is strict.
        shares: The shares, above 0 and at most 1.
    """
    total = np.array([rows.total])
    wanted = np.array([Limit(share=share).of(total)[0] - 1 for share in shares], np.int64)
    first = rows.before
    for table in rows.read():
        is_here = (wanted >= first) & (wanted < first + table.num_rows)
        chosen = table.take(pa.array(wanted[is_here] - first))
        yield chosen.append_column("share", pa.array(np.array(shares)[is_here]))
        first += table.num_rows
