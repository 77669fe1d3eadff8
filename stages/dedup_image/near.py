"""Hashes within a Hamming distance: each one is sent to the blocks of its bits, and hashes with an equal block are compared.

Two hashes that differ in at most d bits have an equal block among d + 1 (pigeonhole principle), so all of them meet. A pair
counts in the first block that is equal, so it counts once. What is stored is not the pairs, of which there may be as many as the
square of the number of hashes, but for each hash the sums over its neighbours in a block: at most d + 1 rows for each hash.

A block of 64 / (d + 1) bits has many hashes. They are held in memory, about 200 bytes each, with what a second index takes: a
large bucket is divided by blocks of the other bits in the same way, as long as that leaves fewer pairs to compare. If a billion
hashes differ evenly, a key holds 122,000 of them with distance 4 and 31 million with distance 10; other hashes are never held.
(Norouzi, Punjani, Fleet: Fast Search in Hamming Space with Multi-Index Hashing, CVPR 2012.)
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from interloom.pipeline.exchange_rows import Ints, Keys
from interloom.pipeline.stage import Rows
from interloom.pipeline.store.merging import column
from interloom.stages._dedup.components import compiled
from interloom.stages._dedup.splitmix import hashed
from interloom.stages.dedup_image.totals import COUNTED

BITS = 64
"""Bits of a hash."""
_BLOCK_BIT = 40
"""The bit from which on a key has the number of its block, before it is mixed, so that blocks do not share keys. A block has at
most 32 bits."""
_MOST_ROWS = 1 << 17
"""Rows of several keys are compared in one go, up to about as many. Our choice."""
_LARGE = 1024
"""A bucket with more hashes is divided; the pairs of a smaller one take less than a millisecond. Our choice."""
_NO_NODE = np.iinfo(np.int64).max
"""The first node of a hash without neighbours: after all others."""
_Values = tuple[Keys, Ints, Ints, Ints, Ints]
"""Hashes, counts, first nodes; the sums of the counts of neighbours, and the least of their nodes."""
_MASKS = tuple(map(np.uint64, (0x5555555555555555, 0x3333333333333333, 0x0F0F0F0F0F0F0F0F, 0x0101010101010101)))
_SHIFTS = tuple(map(np.uint64, (1, 2, 4, 56)))


def blocks_of(bits: int, count: int) -> list[int]:
    """Returns masks that divide the set bits of `bits` into so many blocks of about equal size. 0b11011, 2 -> 0b11, 0b11000."""
    places = [place for place in range(BITS) if bits >> place & 1]
    bounds = [len(places) * n // count for n in range(count + 1)]
    return [sum(1 << place for place in places[bounds[n] : bounds[n + 1]]) for n in range(count)]


def send_to_blocks(counted: pa.Table, distance: int) -> pa.Table:
    """Sends each hash of a table COUNTED to its blocks; the order is the hash."""
    hashes, scopes = column(counted, "hash"), column(counted, "scope")
    masks, count = blocks_of((1 << BITS) - 1, distance + 1), len(hashes)
    keys = [_block_keys(hashes, mask, number) ^ scopes for number, mask in enumerate(masks)]
    blocks = np.repeat(np.arange(len(masks), dtype=np.int8), count)
    sent = {name: np.tile(column(counted, name), len(masks)) for name in COUNTED}
    order = sent.pop("hash").view(np.int64)
    return pa.table({"key": hashed(np.concatenate(keys).view(np.int64)), "order": order, "block": blocks, **sent})


def _block_keys(hashes: Keys, mask: int, number: int) -> Keys:
    """Returns the bits of a block, moved to the right, with its number to the left of them."""
    lowest = (mask & -mask).bit_length() - 1
    return (hashes & np.uint64(mask)) >> np.uint64(lowest) | np.uint64(number << _BLOCK_BIT)


def meet_in_blocks(rows: Rows, distance: int, most_rows: int = _MOST_ROWS) -> Iterator[pa.Table]:
    """Yields rows COUNTED: of each hash the sum of the counts of its neighbours in a block, and the first node of them.

    Parameters:
        rows: The rows that `send_to_blocks` sent, by key and order.
        distance: Hashes that differ in so many bits are neighbours.
        most_rows: So many rows are compared in one go, or those of one key.
    """
    masks = blocks_of((1 << BITS) - 1, distance + 1)
    for batch in _batches(rows.read(), most_rows):
        keys, blocks = column(batch, "key"), column(batch, "block")
        hashes, counts, firsts = (column(batch, name) for name in ("order", "count", "first"))
        search = Neighbours.of(hashes.view(np.uint64), counts, firsts, distance)
        for number, mask in enumerate(masks):
            of_block = np.flatnonzero(blocks == number)
            search.add(of_block, keys[of_block], masks[:number], ~mask & (1 << BITS) - 1)
        counted = np.flatnonzero(search.sums)
        scopes = batch["scope"].take(pa.array(counted))
        yield pa.table([search.hashes[counted], scopes, search.sums[counted], search.leasts[counted]], names=list(COUNTED))


def _batches(tables: Iterator[pa.Table], most_rows: int) -> Iterator[pa.Table]:
    """Yields the rows, sorted by key, in tables of at least `most_rows` that hold all rows of their keys."""
    waiting: list[pa.Table] = []
    for table in tables:
        if not len(table):
            continue
        last = column(table, "key")[-1]
        if waiting and sum(map(len, waiting)) >= most_rows and last != waiting[0]["key"][0].as_py():
            whole = pa.concat_tables([*waiting, table]).combine_chunks()
            start = int(np.searchsorted(column(whole, "key"), last))
            yield whole.slice(0, start)
            waiting = [whole.slice(start)]
        else:
            waiting.append(table)
    if waiting:
        yield pa.concat_tables(waiting).combine_chunks()


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Hashes with their counts and first nodes; of each the sum of the counts of its neighbours, and the least of their nodes."""

    hashes: Keys
    counts: Ints
    firsts: Ints
    distance: int
    sums: Ints
    leasts: Ints

    @classmethod
    def of(cls, hashes: Keys, counts: Ints, firsts: Ints, distance: int) -> Neighbours:
        """Returns hashes without neighbours yet."""
        return cls(hashes, counts, firsts, distance, np.zeros(len(hashes), np.int64), np.full(len(hashes), _NO_NODE))

    def add(self, rows: Ints, keys: Keys, unequal: Sequence[int], free: int) -> None:
        """Adds the neighbours among the rows with the same key.

        Parameters:
            rows: Numbers of hashes.
            keys: Their keys, equal ones side by side.
            unequal: Blocks of bits; a pair with one of them equal counts elsewhere.
            free: The bits that may differ between rows with the same key.
        """
        starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])) if len(keys) else np.empty(0, np.int64)
        stops = np.append(starts[1:], len(keys))[: len(starts)]
        is_large = stops - starts > _LARGE
        self._compare(rows, starts[~is_large], stops[~is_large], unequal)
        for start, stop in zip(starts[is_large], stops[is_large], strict=True):
            self._divide(rows[start:stop], unequal, free)

    def _divide(self, rows: Ints, unequal: Sequence[int], free: int) -> None:
        """Compares the rows of one key: in smaller buckets, if these have at most half as many pairs."""
        blocks = blocks_of(free, self.distance + 1)
        hashes = self.hashes[rows]
        orders = [np.argsort(hashes & np.uint64(block), kind="stable").astype(np.int32) for block in blocks]
        pairs = sum(_pairs(hashes[order] & np.uint64(block)) for order, block in zip(orders, blocks, strict=True))
        if pairs > len(rows) ** 2 / 2:
            self._compare(rows, np.array([0]), np.array([len(rows)]), unequal)
            return
        for number, (order, block) in enumerate(zip(orders, blocks, strict=True)):
            self.add(rows[order], hashes[order] & np.uint64(block), [*unequal, *blocks[:number]], free & ~block)

    def _compare(self, rows: Ints, starts: Ints, stops: Ints, unequal: Sequence[int]) -> None:
        values = self.hashes[rows], self.counts, self.firsts, self.sums, self.leasts
        _compiled()(rows, (starts, stops), values, np.array(unequal, np.uint64), self.distance)


def have_earlier_neighbours(hashes: Sequence[int], distance: int) -> list[bool]:
    """Returns of each hash whether an earlier one lies within the distance. 8, 5, 4, 0 with 1 bit -> of the 4 and the 0."""
    if not distance:
        places: dict[int, int] = {}
        return [places.setdefault(phash, place) < place for place, phash in enumerate(hashes)]
    rows = np.arange(len(hashes))
    search = Neighbours.of(np.array(hashes, np.uint64), np.ones(len(hashes), np.int64), rows, distance)
    search.add(rows, np.zeros(len(hashes), np.uint64), (), (1 << BITS) - 1)
    return [bool(is_one) for is_one in search.leasts < rows]


def _pairs(keys: Keys) -> int:
    """Returns the number of ordered pairs of equal keys, which lie side by side. 3, 5, 5 -> 1 + 4."""
    starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    return int((np.diff(starts, append=len(keys)).astype(np.int64) ** 2).sum())


@functools.cache
def _compiled() -> Callable[..., None]:
    return compiled(_compare, bit_count, counts_here)


def bit_count(value: Any) -> Any:
    """Returns how many bits are set in 64 bits, or in each of an array."""
    value = value - ((value >> _SHIFTS[0]) & _MASKS[0])
    value = (value & _MASKS[1]) + ((value >> _SHIFTS[1]) & _MASKS[1])
    return (((value + (value >> _SHIFTS[2])) & _MASKS[2]) * _MASKS[3]) >> _SHIFTS[3]


def counts_here(bits: Any, unequal: Keys) -> bool:
    """Returns whether these bits have one in each of the blocks that must differ."""
    equal = 0
    for block in unequal:
        equal += bits & block == 0
    return equal == 0


def _compare(rows: Ints, bounds: tuple[Ints, Ints], values: _Values, unequal: Keys, distance: int) -> None:
    """Adds to each other what is near in each bucket [start, stop): the counts, and the first nodes."""
    hashes, counts, firsts, sums, leasts = values
    most = np.uint64(distance)
    for bucket in range(bounds[0].size):
        for i in range(bounds[0][bucket], bounds[1][bucket]):
            for j in range(i + 1, bounds[1][bucket]):
                bits = hashes[i] ^ hashes[j]
                if bit_count(bits) <= most and counts_here(bits, unequal):
                    a, b = rows[i], rows[j]
                    sums[a] += counts[b]
                    sums[b] += counts[a]
                    leasts[a] = min(leasts[a], firsts[b])
                    leasts[b] = min(leasts[b], firsts[a])
