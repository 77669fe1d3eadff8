"""Members of clusters meet: which of them are duplicates of which."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from interloom.pipeline.exchange_rows import in_total_order, whole_keys
from interloom.pipeline.stage import Rows
from interloom.pipeline.store.merging import column
from interloom.stages._embed.stored import vectors_in
from interloom.stages.dedup_semantic.similar import NONE, Cluster, Vectors

PLACE = ("part", "id", "position")
"""What says where a member is."""
DUPLICATES = pa.schema(
    {
        "part": pa.int32(),
        "id": pa.string(),
        "position": pa.int32(),
        "similarity": pa.float64(),
        "kept": pa.string(),
        "kept_position": pa.int32(),
    }
)
"""A member that may be a duplicate, how similar it is, and of what."""
_HELD = 1 << 15
"""Vectors of so many members of a cluster are held; those of a larger one are read again for each further so many. Our choice."""


def meet(rows: Rows, least: float, linked_above: float | None, held: int = _HELD) -> Iterator[pa.Table]:
    """Yields tables DUPLICATES.

    Parameters:
        rows: Members, by cluster and order, with the columns PLACE and vector.
        least: A member that is less similar to all before it is no duplicate.
        linked_above: None: a member is a duplicate of the most similar one before it. Else: of the first one of its component, in
            which members are linked that are more similar than this.
        held: Vectors of so many members are held at a time.
    """
    members: _Members | None = None
    for batch in whole_keys(in_total_order(rows.read(), PLACE[1:]), held):
        keys = column(batch, "key")
        starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
        for start, end in zip(starts, [*starts[1:], len(keys)], strict=True):
            some = batch.slice(start, end - start)
            if members is not None and members.key == keys[start]:  # a further piece, which begins with the first member again
                members.add(some.slice(1), _earlier(rows, members.key, len(members.cluster)))
                continue
            if members is not None:
                yield members.duplicates(least)
            members = _Members(int(keys[start]), Cluster(linked_above))
            members.add(some, iter(()))
    if members is not None:
        yield members.duplicates(least)


@dataclass(slots=True)
class _Members:
    """The members of a cluster so far."""

    key: int
    cluster: Cluster
    places: list[pa.Table] = field(default_factory=list)

    def add(self, rows: pa.Table, before: Iterator[Vectors]) -> None:
        self.cluster.add(vectors_in(rows["vector"]), before)
        self.places.append(rows.select(PLACE))

    def duplicates(self, least: float) -> pa.Table:
        cluster, places = self.cluster, pa.concat_tables(self.places)
        if cluster.linked_above is None:
            kept, similarity = cluster.nearest, cluster.similarity
            dropped = np.flatnonzero((kept != NONE) & (similarity >= least))
        else:
            kept, similarity = cluster.roots(), cluster.linked
            dropped = np.flatnonzero(kept != np.arange(len(kept)))
        own, other = (places.take(pa.array(numbers)) for numbers in (dropped, kept[dropped]))
        rounded = pa.array(np.round(similarity[dropped], 6))
        return pa.table([*own.columns, rounded, other["id"], other["position"]], schema=DUPLICATES)


def _earlier(rows: Rows, key: int, left: int) -> Iterator[Vectors]:
    """The vectors of the first members of a cluster, so many as are left to read, read again."""
    for table in in_total_order(rows.read(), PLACE[1:]):
        of_cluster = table.filter(pa.array(column(table, "key") == np.uint64(key))).slice(0, left)
        if of_cluster.num_rows:
            yield vectors_in(of_cluster["vector"])
            left -= of_cluster.num_rows
        if not left:
            return
