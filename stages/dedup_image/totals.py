"""How often each image occurs: rows about the same hash in the same scope become one row.

A hash is 64 bits, and so is a scope; their key is a mix of both. In the scope "corpus", which is 0, different hashes have
different keys; in other scopes two of a billion have the same key with a probability of 3 %.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from interloom.pipeline.exchange_rows import Ints, Keys
from interloom.pipeline.stage import Rows
from interloom.pipeline.store.merging import column
from interloom.stages._dedup.splitmix import hashed

COUNTED = ("hash", "scope", "count", "first")
"""A hash, its scope, how many occurrences there are, and the node of the first."""
Totals = tuple[Keys, Ints, Ints]
"""Keys, how many occurrences each has, and the node of the first of them."""


def image_keys(hashes: Keys, scopes: Keys) -> Keys:
    """Returns a key for each hash in its scope."""
    return hashed((hashes ^ scopes).view(np.int64))


def send_hashes(sketch: pa.Table) -> pa.Table:
    """Sends each hash of a sketch once, with the number of its occurrences and the first of them."""
    hashes, scopes = column(sketch, "hash"), column(sketch, "scope")
    order = np.lexsort((column(sketch, "node"), hashes, scopes))
    hashes, scopes, nodes = hashes[order], scopes[order], column(sketch, "node")[order]
    is_new = np.ones(len(hashes), np.bool_)
    is_new[1:] = (hashes[1:] != hashes[:-1]) | (scopes[1:] != scopes[:-1])
    starts = np.flatnonzero(is_new)
    counts = np.diff(starts, append=len(hashes))
    return send(pa.table([hashes[starts], scopes[starts], counts, nodes[starts]], names=list(COUNTED)))


def send(counted: pa.Table) -> pa.Table:
    """Sends rows COUNTED to those about the same hash in the same scope."""
    keys = image_keys(column(counted, "hash"), column(counted, "scope"))
    return counted.select(list(COUNTED)).append_column("key", pa.array(keys)).append_column("order", counted["first"])


def meet_hashes(rows: Rows) -> Iterator[pa.Table]:
    """Yields one row COUNTED for each hash in each scope. The hash of the last key of a table is held, because it may go on."""
    held: pa.Table | None = None
    for table in rows.read(["key", *COUNTED]):
        if not len(table):
            continue
        table = (table if held is None else pa.concat_tables([held, table])).combine_chunks()
        starts, (keys, counts, firsts) = _reduced(*(column(table, name) for name in ("key", "count", "first")))
        same = table.select(["hash", "scope"]).take(pa.array(starts))
        reduced = pa.table([keys, *same.columns, counts, firsts], names=["key", *COUNTED])
        held = reduced.slice(len(reduced) - 1)
        yield reduced.slice(0, len(reduced) - 1).select(list(COUNTED))
    if held is not None:
        yield held.select(list(COUNTED))


def summed(rows: Rows, *, of_one: bool = False) -> Iterator[Totals]:
    """Yields the totals of each key, table by table; the last key of a table is held, because it may go on.

    Parameters:
        rows: Rows by key and order.
        of_one: Whether each row is about one occurrence, whose node is the order. Default false: rows have `count` and `first`.
    """
    columns = ("order",) if of_one else ("count", "first")
    held: Totals = np.empty(0, np.uint64), np.empty(0, np.int64), np.empty(0, np.int64)
    for table in rows.read(["key", *columns]):
        if not len(table):
            continue
        counts = np.ones(len(table), np.int64) if of_one else column(table, "count")
        further = column(table, "key"), counts, column(table, columns[-1])
        _, (keys, counts, firsts) = _reduced(*(np.concatenate(both) for both in zip(held, further, strict=True)))
        held = keys[-1:], counts[-1:], firsts[-1:]
        yield keys[:-1], counts[:-1], firsts[:-1]
    yield held


def _reduced(keys: Keys, counts: Ints, firsts: Ints) -> tuple[Ints, Totals]:
    """Returns where each key begins, and its totals; rows are sorted by key and first node.

    Example: keys 3, 5, 5, counts 1, 1, 4, first nodes 2, 0, 7 -> starts 0, 1, keys 3, 5, counts 1, 5, first nodes 2, 0.
    """
    starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    return starts, (keys[starts], np.add.reduceat(counts, starts), firsts[starts])


def frequent(summed_up: Iterator[Totals], at_most: int) -> Iterator[pa.Table]:
    """Yields the totals of the keys that occur more often than `at_most`: the columns image, count and first."""
    for keys, counts, firsts in summed_up:
        is_frequent = counts > at_most
        yield pa.table([keys[is_frequent], counts[is_frequent], firsts[is_frequent]], names=["image", "count", "first"])
