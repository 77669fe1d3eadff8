"""Selects rows by a budget: the first of all rows, or of each group, whose sizes together do not exceed it.

Sums over all rows in one order need no single reader: sums of blocks of ranks meet first, and each block then knows what is
before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import pyarrow as pa

from interloom.pipeline.exchange_rows import Ints, keys_of_parts
from interloom.pipeline.stage import Rows
from interloom.pipeline.store.merging import KEY, ORDER, column
from interloom.stages._dedup.duplicates import indices_in
from interloom.stages._select.ranks import ITEM, Limit, behind
from interloom.stages._select.sums import sent_sums, summed

BLOCKS = "blocks"
"""The name of the exchange whose result is the size of each block."""
_BLOCK_BITS = 16
"""A block has 65,536 ranks: ten billion rows make 150,000 blocks. Our choice."""


def send_to_blocks(ranked: pa.Table) -> pa.Table:
    """Returns the size of each block of ranks in this table."""
    return sent_sums(column(ranked, "rank") >> _BLOCK_BITS, size=column(ranked, "size"))


def meet_in_blocks(rows: Rows) -> Iterator[pa.Table]:
    """Yields each block of ranks with its size."""
    blocks, [sizes] = summed(rows.read([KEY, "size"]), ["size"])
    yield pa.table({"block": pa.array(blocks.view(np.int64)), "size": pa.array(sizes)})


def send_by_block(ranked: pa.Table, shared: Mapping[str, pa.Table]) -> pa.Table:
    """Returns the rows on their way to those of their block of ranks, in the order of their ranks."""
    ranks = column(ranked, "rank")
    count = int(shared[BLOCKS].num_rows) and int(column(shared[BLOCKS], "block").max()) + 1
    keys = keys_of_parts(ranks >> _BLOCK_BITS, max(count, 1))
    return pa.table(
        [pa.array(keys), pa.array(ranks), *ranked.select([*ITEM, "size"]).columns], names=["key", ORDER, *ITEM, "size"]
    )


def behind_all(rows: Rows, limit: Limit, shared: Mapping[str, pa.Table]) -> Iterator[pa.Table]:
    """Yields tables BEHIND: the rows that are not among the first of all rows whose sizes together are in the limit."""
    blocks, sizes = (column(shared[BLOCKS], name) for name in ("block", "size"))
    place = np.argsort(blocks)
    sums = np.cumsum(sizes[place])
    before = sums - sizes[place]
    last = limit.of(sums[-1:])
    for table, running in running_sums(rows.read([KEY, ORDER, *ITEM, "size"])):
        own = before[np.searchsorted(blocks[place], column(table, ORDER) >> _BLOCK_BITS)]
        yield behind(table, running + own, np.repeat(last, len(running)))


def behind_in_groups(rows: Rows, limit: Limit) -> Iterator[pa.Table]:
    """Yields tables BEHIND: the rows that are not among the first of those with the same key whose sizes together are in the
    limit. For a share the first pass sums up each key; an entry for each key is held."""
    keys, [sums] = summed(rows.read([KEY, "size"]) if limit.share is not None else (), ["size"])
    limits = np.append(limit.of(sums), limit.of(np.zeros(1, np.int64)))
    for table, running in running_sums(rows.read([KEY, ORDER, *ITEM, "size"])):
        yield behind(table, running, limits[indices_in(keys, column(table, KEY))])


def running_sums(tables: Iterable[pa.Table]) -> Iterator[tuple[pa.Table, Ints]]:
    """Yields each table of rows sorted by key with the sum of the sizes of the rows of its key up to each row.

    Keys 3 5 | 5 9, sizes 1 2 | 4 8 -> 1 2 | 6 8.
    """
    last: np.uint64 | None = None
    carried = 0
    for table in tables:
        if not table.num_rows:
            continue
        keys, sums = column(table, KEY), np.cumsum(column(table, "size"))
        starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
        counts = np.diff(starts, append=len(keys))
        before = np.concatenate([[0], sums[starts[1:] - 1]])
        if last == keys[0]:
            before[0] -= carried
        running = sums - np.repeat(before, counts)
        yield table, running
        last, carried = keys[-1], int(running[-1])
