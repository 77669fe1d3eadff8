"""The order of a source: an endless stream of its samples, epoch after epoch, each a permutation with random access.

An epoch goes through the shards in the order of a hash, in windows of a few shards; within a window samples are in the order of a
hash. So at any time no more than two windows are open, and nothing is held back in a buffer that a restart would lose.

Parquet files are read by row groups. There a window of shards goes through its row groups in the order of a hash, as many at a
time as the window has shards, and samples are in the order of a hash within these.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
Groups = Callable[[int], Sequence[int] | None]
"""The number of samples of each row group of a shard; null for a shard without row groups."""
_GOLDEN = 0x9E3779B97F4A7C15
_WORD = (1 << 64) - 1


def no_groups(shard: int) -> Sequence[int] | None:
    """What is said of a shard without row groups."""
    return None


def key_of(*parts: object) -> int:
    """64 bits that depend on all of these."""
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=8).digest(), "little")


def shuffled(count: int, key: int) -> Numbers:
    """A permutation of 0 .. count - 1 that depends on the key alone: the numbers in the order of their hash (splitmix64)."""
    start = np.uint64((key + _GOLDEN) & _WORD)
    with np.errstate(over="ignore"):
        mixed = np.arange(count, dtype=np.uint64) * np.uint64(_GOLDEN) + start
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.argsort(mixed ^ (mixed >> np.uint64(31)), kind="stable").astype(np.int64)


@dataclass(frozen=True, slots=True)
class Places:
    """Samples by their place: epoch of the source, number of the shard, number in the shard."""

    epochs: Numbers
    shards: Numbers
    rows: Numbers


@dataclass(frozen=True, slots=True)
class _Epoch:
    """The shards of an epoch in their order, and the number of samples before each, and before each window."""

    shards: Numbers
    before: Numbers
    windows: Numbers


class SourceOrder:
    """The endless stream of a source.

    Parameters:
        counts: The number of samples of each shard.
        key: What all hashes depend on: the data and the seed.
        window: Shards of a window; 0: no shuffling.
        groups: The row groups of a shard.
    """

    def __init__(self, counts: Numbers, key: int, window: int, groups: Groups = no_groups) -> None:
        self.counts, self.samples = counts, int(counts.sum())
        self._key, self._window, self._groups = key, window, groups
        self._epoch = lru_cache(maxsize=2)(self._made_epoch)
        self._permutation = lru_cache(maxsize=4)(self._made_permutation)

    def __reduce__(self) -> tuple[type[SourceOrder], tuple[Numbers, int, int, Groups]]:
        return SourceOrder, (self.counts, self._key, self._window, self._groups)

    def places(self, items: Numbers) -> Places:
        """Where the items of the stream lie."""
        epochs, offsets = np.divmod(items, max(self.samples, 1))
        shards, rows = np.empty_like(items), np.empty_like(items)
        for epoch in np.unique(epochs).tolist():
            chosen = epochs == epoch
            shards[chosen], rows[chosen] = self._in_epoch(epoch, offsets[chosen])
        return Places(epochs, shards, rows)

    def _in_epoch(self, epoch: int, offsets: Numbers) -> tuple[Numbers, Numbers]:
        plan = self._epoch(epoch)
        if self._window:
            windows = np.searchsorted(plan.windows, offsets, side="right") - 1
            moved = np.empty_like(offsets)
            for window in np.unique(windows).tolist():
                chosen, start = windows == window, plan.windows[window]
                moved[chosen] = start + self._permutation(epoch, window)[offsets[chosen] - start]
            offsets = moved
        numbers = np.searchsorted(plan.before, offsets, side="right") - 1
        return plan.shards[numbers], offsets - plan.before[numbers]

    def _made_epoch(self, epoch: int) -> _Epoch:
        shards = shuffled(len(self.counts), key_of(self._key, epoch)) if self._window else np.arange(len(self.counts))
        shards = shards[self.counts[shards] > 0]
        before = np.concatenate([[0], np.cumsum(self.counts[shards])])
        windows = np.concatenate([before[:-1][:: self._window or len(before)], before[-1:]])
        return _Epoch(shards, before[:-1], windows)

    def _made_permutation(self, epoch: int, window: int) -> Numbers:
        plan, key = self._epoch(epoch), key_of(self._key, epoch, window)
        first, end = plan.windows[window : window + 2].tolist()
        shards = slice(window * self._window, (window + 1) * self._window)
        sizes = [self._groups(shard) for shard in plan.shards[shards].tolist()]
        groups = [size for some in sizes if some is not None for size in some]
        if None in sizes or len(groups) <= self._window:
            return shuffled(end - first, key)
        return _shuffled_groups(np.array(groups, np.int64), self._window, key)


def _shuffled_groups(sizes: Numbers, at_once: int, key: int) -> Numbers:
    """A permutation of the samples of row groups of these sizes: some groups at a time, in the order of a hash."""
    ends, order = np.cumsum(sizes), shuffled(len(sizes), key)
    parts = list[Numbers]()
    for number, begin in enumerate(range(0, len(order), at_once)):
        chosen = order[begin : begin + at_once]
        samples = np.concatenate([np.arange(end - size, end) for size, end in zip(sizes[chosen], ends[chosen], strict=True)])
        parts.append(samples[shuffled(len(samples), key_of(key, number))])
    return np.concatenate(parts)
