"""Puts each item into the cluster with the nearest centre, or into a list whose items train the clusters of a second level."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

import numpy as np
import pyarrow as pa

from interloom.pipeline.exchange_rows import Ints, key_counts, keys_of_parts, pieces_of_keys
from interloom.pipeline.stage import RangeRows
from interloom.stages._embed.kmeans import CENTRES, Training, the_model, trained
from interloom.stages._embed.nearest import Base, Scores, Search
from interloom.stages._embed.stored import vectors_in

ASSIGNED = "assigned"
_ITEM = ("part", "id", "position", "window")
_DIGITS = 4
"""Similarities are rounded to so many decimals."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """Items meet by their nearest centre. `clusters`: how many clusters the second level has; 0 without one."""

    training: Training
    clusters: int

    @property
    def in_two_levels(self) -> bool:
        return self.clusters > 0

    def send(self, which: str, sketch: pa.Table, shared: Mapping[str, pa.Table]) -> pa.Table:
        """Items with their nearest centre; for a second level with their vectors, in the order of their draws."""
        if not sketch.num_rows:
            return sketch
        centres = shared[CENTRES]
        the_model(sketch, centres)
        numbers, scores = Search.of(Base.of(vectors_in(centres["vector"])), 1).nearest(vectors_in(sketch["vector"]))
        rows = sketch.select(_ITEM) if not self.in_two_levels else sketch.select([*_ITEM, "vector"])
        rows = rows if self.in_two_levels else _with_clusters(rows, numbers[:, 0], scores[:, 0])
        keys = keys_of_parts(numbers[:, 0], centres.num_rows)
        return rows.append_column("key", pa.array(keys)).append_column("order", pa.array(self._order(sketch)))

    def _order(self, sketch: pa.Table) -> Ints:
        draws = self.training.draws(sketch)
        return (draws >> np.uint64(1)).view(np.int64)

    def meet(self, rows: RangeRows, shared: Mapping[str, pa.Table]) -> Iterator[pa.Table]:
        """Items with their clusters."""
        if not self.in_two_levels:
            yield from (table.drop_columns(["key", "order"]) for table in rows.read())
            return
        lists = shared[CENTRES].num_rows
        counts = {int(key): int(n) for keys, ns in key_counts(rows.read(["key"])) for key, n in zip(keys, ns, strict=True)}
        before, whole = rows.before, keys_of_parts(np.arange(lists), lists).tolist()
        for key, tables in pieces_of_keys(rows.read()):
            first, clusters = self._share(whole.index(key), before, counts[key], (lists, rows.total))
            yield from self._cluster(tables, first, clusters)
            before += counts[key]

    def _share(self, number: int, before: int, count: int, of: tuple[int, int]) -> tuple[int, int]:
        """The first cluster of a list and how many it has: one, and a share of the others in proportion to its items."""
        lists, total = of
        start, end = ((self.clusters - lists) * items // total for items in (before, before + count))
        return number + start, 1 + end - start

    def _cluster(self, tables: Iterator[pa.Table], first: int, clusters: int) -> Iterator[pa.Table]:
        """Trains a list's clusters on the first of its items, and assigns all of them."""
        held: list[pa.Table] = []
        wanted = clusters * self.training.per_cluster
        for table in tables:
            held.append(table)
            if sum(map(len, held)) >= wanted:
                break
        sample = pa.concat_tables(held).slice(0, wanted)
        centres = trained(vectors_in(sample["vector"]), clusters, self.training.iterations, self.training.seed)
        search = Search.of(Base.of(centres), 1)
        for table in chain(held, tables):
            numbers, scores = search.nearest(vectors_in(table["vector"]))
            yield _with_clusters(table.select(_ITEM), first + numbers[:, 0], scores[:, 0])


def _with_clusters(rows: pa.Table, clusters: Ints, scores: Scores) -> pa.Table:
    similarity = pa.array(np.round(scores, _DIGITS))
    return rows.append_column("cluster", pa.array(clusters, pa.int64())).append_column("similarity", similarity)
