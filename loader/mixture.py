"""Mixtures of sources: which source each position of an epoch belongs to, with exact counts and random access."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from numbers import Integral, Real
from os import PathLike

import numpy as np

from interloom.loader.order import Numbers, key_of, shuffled
from interloom.pipeline.errors import ConfigError

BLOCK = 1 << 16
"""Positions that are permuted together. Our choice."""
_FINE = 1 << 62


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source of a mixture.

    Parameters:
        url: A folder of shards with its manifest, local or `s3://`.
        weight: Its share of the samples, relative to the weights of the others; null: as many as it has. Default null.
        cap: It gives at most so many samples per epoch of the mixture, other ones in the next epoch. Default null: all.
        epochs: It gives its samples so many times per epoch of the mixture. Default 1.
    """

    url: str | PathLike[str]
    weight: float | None = None
    cap: int | None = None
    epochs: float = 1.0


def counts_of(sources: Sequence[Source], samples: Sequence[int]) -> list[int]:
    """How many samples each source gives per epoch of the mixture.

    Without weights each gives all that its cap and its epochs allow. With weights they give in these proportions, as many
    as the one allows that is used up first. Raises ConfigError for what does not go together.
    """
    allowed = [_allowed(source, count) for source, count in zip(sources, samples, strict=True)]
    weights = [source.weight for source in sources]
    if all(weight is None for weight in weights):
        return allowed
    problems = [
        f"mixture: {s.url} needs a weight above 0, as others have one"
        for s in sources
        if not (isinstance(s.weight, Real) and s.weight > 0 and math.isfinite(s.weight))
    ]
    if problems:
        raise ConfigError(*problems)
    total = sum(weight for weight in weights if weight)
    shares = [weight / total for weight in weights if weight]
    length = min(count / share for count, share in zip(allowed, shares, strict=True))
    counts = [min(count, round(length * share)) for count, share in zip(allowed, shares, strict=True)]
    without = [source for source, count in zip(sources, counts, strict=True) if not count]
    problems = [f"mixture: {source.url} gives no sample: {_why_none(source, sources, allowed)}" for source in without]
    if problems:
        raise ConfigError(*problems)
    return counts


def _why_none(source: Source, sources: Sequence[Source], allowed: Sequence[int]) -> str:
    """Why a source with a weight gives nothing: it holds nothing, or the one that is used up first allows too little."""
    least, first = min(zip(allowed, sources, strict=True), key=lambda pair: pair[0] / (pair[1].weight or 1))
    return f"{first.url} has {least} to give, and its weight is {source.weight} to {first.weight}"


def _allowed(source: Source, samples: int) -> int:
    if not (isinstance(source.epochs, Real) and 0 < source.epochs < math.inf) or (
        source.cap is not None and (not isinstance(source.cap, Integral) or source.cap < 1)
    ):
        raise ConfigError(f"mixture: {source.url}: epochs and cap must be above 0; epochs is finite, cap an integer")
    count = int(samples * source.epochs)
    return count if source.cap is None else min(count, source.cap)


class Mixture:
    """The epochs of a mixture, each a sequence of items of its sources.

    In an epoch item k of a source that gives n comes at (k + 1/2) / n of it; so shares hold at any time. Blocks of positions are
    then permuted, because a pattern that repeats would give some ranks one source only.

    Parameters:
        counts: How many items each source gives per epoch.
        key: What hashes depend on; null: no shuffling.
    """

    def __init__(self, counts: Sequence[int], key: int | None) -> None:
        self.counts, self.length = tuple(counts), sum(counts)
        self._key = key
        self._block = lru_cache(maxsize=2)(self._made_block)

    def __reduce__(self) -> tuple[type[Mixture], tuple[Sequence[int], int | None]]:
        return Mixture, (self.counts, self._key)

    def items(self, epoch: int, positions: Numbers) -> tuple[Numbers, Numbers]:
        """The source of each of these positions of an epoch, and the number of its item in the source's stream."""
        if len(self.counts) == 1:
            return np.zeros_like(positions), epoch * self.length + positions
        sources, items = np.empty_like(positions), np.empty_like(positions)
        blocks = positions // BLOCK
        for block in np.unique(blocks).tolist():
            chosen = blocks == block
            offsets = positions[chosen] - block * BLOCK
            in_block = self._block(epoch, block)
            sources[chosen], items[chosen] = in_block[0][offsets], in_block[1][offsets]
        return sources, items

    def _made_block(self, epoch: int, block: int) -> tuple[Numbers, Numbers]:
        begin, end = block * BLOCK, min((block + 1) * BLOCK, self.length)
        first, last = self._given(begin), self._given(end)
        ranges = [np.arange(a, b, dtype=np.int64) for a, b in zip(first, last, strict=True)]
        sources = np.repeat(np.arange(len(ranges), dtype=np.int64), [len(r) for r in ranges])
        if self._key is None:
            times = np.concatenate([(r + 0.5) / max(n, 1) for r, n in zip(ranges, self.counts, strict=True)])
            order = np.argsort(times, kind="stable")
        else:
            order = shuffled(end - begin, key_of(self._key, epoch, block))
        sources = sources[order]
        items = np.empty_like(sources)
        for number, numbers in enumerate(ranges):  # a source's items stay in their order
            items[sources == number] = numbers + epoch * self.counts[number]
        return sources, items

    def _given(self, position: int) -> list[int]:
        """How many items each source has given before a position: the items that come first by (k + 1/2) / n, then by source."""
        low, high = 0, _FINE
        while low < high:
            middle = (low + high) // 2
            if sum(self._until(middle)) >= position:
                high = middle
            else:
                low = middle + 1
        given, before = self._until(low), self._until(low - 1)
        surplus = sum(given) - position
        for number in reversed(range(len(given))):
            back = min(surplus, given[number] - before[number])
            given[number] -= back
            surplus -= back
        return given

    def _until(self, time: int) -> list[int]:
        """How many items of each source come until time / 2**62 of the epoch."""
        return [(2 * count * time + _FINE) // (2 * _FINE) if time >= 0 else 0 for count in self.counts]
