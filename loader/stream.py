"""What a stream reads and in what order: its sources, their shards, the mixture of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from interloom.loader.mixture import Mixture, Source, counts_of
from interloom.loader.order import Numbers, SourceOrder, key_of
from interloom.loader.shards import ShardFolder, Split
from interloom.pipeline.errors import ConfigError

Place = tuple[int, int, int, int, int]
"""A sample by its position in the epoch, source, epoch of the source, shard, and number in the shard."""
_AT_ONCE = 1024
"""Positions that are looked up together. Our choice."""


@dataclass(frozen=True)
class Stream:
    """The endless sequence of samples of a mixture, in an order that depends on the data, the seed and the mixture alone.

    Parameters:
        sources: The sources.
        seed: What the order depends on besides.
        window: Shards whose samples are shuffled together; 0: no shuffling.
        split: The part of the data that is read; null: all.
    """

    sources: tuple[Source, ...]
    seed: int
    window: int
    split: Split | None

    @cached_property
    def folders(self) -> Sequence[ShardFolder]:
        """The shards of each source."""
        folders = [ShardFolder(str(source.url), self.split, self.window) for source in self.sources]
        for folder in folders:
            folder.check()
        return folders

    @cached_property
    def data(self) -> int:
        """What identifies the data: 63 bits of a hash of the sources' data ids, and of the part of them that is read."""
        split = self.split and (self.split.part, self.split.validation, self.split.by)
        return key_of(*(folder.index.data.hex() for folder in self.folders), split) >> 1

    @cached_property
    def orders(self) -> Sequence[SourceOrder]:
        """The order of each source. Two sources with the same data have different orders."""
        return [
            SourceOrder(folder.counts, key_of(self.data, self.seed, number), self.window, folder.groups)
            for number, folder in enumerate(self.folders)
        ]

    @cached_property
    def mixture(self) -> Mixture:
        """The epochs of the mixture. Raises ConfigError if there is nothing to read."""
        samples = [order.samples for order in self.orders]
        empty = [str(source.url) for source, count in zip(self.sources, samples, strict=True) if not count]
        if empty and (len(empty) == len(samples) or any(source.weight is not None for source in self.sources)):
            part = f" in the part '{self.split.part}'" if self.split else ""
            raise ConfigError(f"{', '.join(empty)}: no samples{part}")
        counts = counts_of(self.sources, samples)
        return Mixture(counts, key_of(self.data, self.seed, "mixture") if self.window else None)

    @property
    def mixture_id(self) -> int:
        """63 bits of a hash of how many samples each source gives."""
        return key_of(*self.mixture.counts) >> 1

    def places(self, epoch: int, positions: Numbers) -> list[Place]:
        """Where the samples at these positions of an epoch lie."""
        sources, items = self.mixture.items(epoch, positions)
        epochs, shards, rows = np.empty_like(items), np.empty_like(items), np.empty_like(items)
        for source in np.unique(sources).tolist():
            chosen = sources == source
            places = self.orders[source].places(items[chosen])
            epochs[chosen], shards[chosen], rows[chosen] = places.epochs, places.shards, places.rows
        columns = (positions, sources, epochs, shards, rows)
        return list(zip(*(column.tolist() for column in columns), strict=True))

    def located(self, epoch: int, start: int, step: int, micro_batches: Iterator[range]) -> Iterator[tuple[range, list[Place]]]:
        """The micro-batches with the places of their samples: number i is at position start + i * step. Some are looked up at
        once."""
        group, size = list[range](), 0
        for numbers in micro_batches:
            group.append(numbers)
            size += len(numbers)
            if size >= _AT_ONCE:
                yield from self._located(epoch, start, step, group)
                group, size = [], 0
        yield from self._located(epoch, start, step, group)

    def _located(self, epoch: int, start: int, step: int, group: Sequence[range]) -> Iterator[tuple[range, list[Place]]]:
        if group:
            numbers = np.concatenate([np.arange(some.start, some.stop, dtype=np.int64) for some in group])
            places = iter(self.places(epoch, start + numbers * step))
            yield from ((some, [next(places) for _ in some]) for some in group)
