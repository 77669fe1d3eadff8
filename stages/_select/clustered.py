"""Items in clusters: their sketch, which of them are rejected by a draw, and what is left in each cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from interloom.pipeline.exchange_rows import NODE_BITS, Ints
from interloom.pipeline.stage import Exchange, Rows
from interloom.pipeline.store.merging import KEY, ORDER, column
from interloom.schemas.document import DOCUMENT, Document
from interloom.stages._dedup.duplicates import hash64
from interloom.stages._dedup.splitmix import hashed, unhashed
from interloom.stages._embed.assigned import assigned
from interloom.stages._select import capped_rows, reports
from interloom.stages._select.draws import drawn_for, uniform
from interloom.stages._select.lookups import values_at
from interloom.stages._select.orders import Floats, drawn
from interloom.stages._select.sums import sent_sums, summed

COUNTS, DECIDED = "counts", "decided"
_HASHES = {"draw": pa.uint64(), "tie": pa.uint64()}
_IN_CLUSTER = {"cluster": pa.int64(), "count": pa.int64()}
_WHY = {"value": pa.float64(), "limit": pa.float64()}
_SKETCH = pa.schema({"id": pa.string(), "position": pa.int32(), **_IN_CLUSTER, **_HASHES})
REJECTED = pa.schema({"node": pa.int64(), **_IN_CLUSTER, "is_decider": pa.bool_(), **_WHY})
"""What a rejected unit has in a cluster, and whether this cluster decided."""
_DECIDER = ("cluster", "value", "limit")
_VERDICTS = pa.schema({"part": pa.int32(), "id": pa.string(), "position": pa.int32(), "cluster": pa.int64(), **_WHY})


def sketch_of(docs: Sequence[Document], tables: Sequence[pa.Table], name: str) -> pa.Table:
    """Returns a row for each element (position -1: the document) and cluster, with two hashes of the document's id. An element
    that has several items in a cluster (windows of a long text, sentences of a paragraph) counts once.

    Parameters:
        docs: The documents.
        tables: Tables of the side table `clusters`.
        name: The name of the clustering.
    """
    by_id: dict[str, set[tuple[int, int]]] = {}
    for (id_, position, _), (cluster, _) in assigned(docs, tables, name).items():
        by_id.setdefault(id_, set()).add((position, cluster))
    places = [(doc.id, *place, 1) for doc in docs for place in sorted(by_id.get(doc.id, ()))]
    hashes = {id_: (hash64(f"{id_} {DOCUMENT}"), hash64(f"tie {id_}")) for id_, _, _, _ in places}
    columns = [*zip(*places, strict=True)] or [()] * 4
    return pa.table([*columns, *([hashes[id_][n] for id_ in columns[0]] for n in range(2))], schema=_SKETCH)


def send_counts(which: str, sketch: pa.Table) -> pa.Table:
    """Sends how many items of a sketch are in each cluster."""
    return sent_sums(hashed(column(sketch, "cluster")), count=column(sketch, "count"))


def meet_counts(rows: Rows) -> Iterator[pa.Table]:
    """Yields each cluster with its items."""
    keys, [counts] = summed(rows.read([KEY, "count"]), ["count"])
    yield pa.table({"cluster": pa.array(unhashed(keys)), "count": pa.array(counts)})


@dataclass(frozen=True, slots=True)
class Drawing:
    """Units, and which of them are rejected by a draw. `is_greatest`: a unit stays with the greatest of the probabilities of its
    clusters, else with the least. `of_documents`: a unit is a document, else an element."""

    cap: int
    is_greatest: bool
    of_documents: bool
    seed: int

    def units(self, sketch: pa.Table) -> dict[str, Any]:
        """Returns what units have in clusters, one row for each unit and cluster: draw, tie, node, cluster and count."""
        ids, positions = sketch["id"].combine_chunks(), column(sketch, "position").astype(np.int64)
        is_new = np.ones(len(ids), np.bool_)
        is_new[1:] = pc.not_equal(ids[1:], ids[:-1]).to_numpy(zero_copy_only=False)
        if not self.of_documents:
            is_new[1:] |= positions[1:] != positions[:-1]
        unit = np.cumsum(is_new) - 1
        clusters = column(sketch, "cluster")
        order = np.lexsort((clusters, unit))
        starts = np.flatnonzero(np.diff(unit[order], prepend=-1) | np.diff(clusters[order], prepend=clusters[order][:1]))
        counts = np.add.reduceat(column(sketch, "count")[order], starts) if len(starts) else np.empty(0, np.int64)
        pairs = order[starts]
        first = np.flatnonzero(is_new)[unit[pairs]]
        draw, tie = drawn(column(sketch, "draw"), self.seed, "clusters")[first], column(sketch, "tie")[first]
        if not self.of_documents:
            draw, tie = drawn_for(draw, positions[first]), drawn_for(tie, positions[first])
        return {"draw": draw, "tie": tie, "node": column(sketch, "node")[first], "cluster": clusters[pairs], "count": counts}

    def undecided(self, sketch: pa.Table) -> pa.Table:
        """Returns the units as undecided rows."""
        return capped_rows.new_rows(self.units(sketch), self.cap)

    def exchange(self, params: tuple[str, ...]) -> Exchange:
        """Returns the exchange whose result is REJECTED, by the probabilities of clusters."""
        return Exchange(name=DECIDED, reads=("sketch",), send=self._send, meet=_meet_drawn, shared=(COUNTS,), params=params)

    def _send(self, which: str, sketch: pa.Table, shared: Mapping[str, pa.Table]) -> pa.Table:
        units = self.units(sketch)
        probabilities = self._probabilities(units["cluster"], shared[COUNTS])
        starts = np.flatnonzero(np.diff(units["node"], prepend=~units["node"][:1]))
        best = (np.maximum if self.is_greatest else np.minimum).reduceat(probabilities, starts) if len(starts) else probabilities
        limits = np.repeat(best, np.diff(starts, append=len(probabilities)))
        draws = uniform(units["draw"])
        is_decider = probabilities == limits
        is_decider[is_decider] = np.diff(units["node"][is_decider], prepend=~units["node"][:1]) != 0
        columns = [units["node"], units["cluster"], units["count"], is_decider, draws, limits]
        rows = pa.table([units["draw"], units["node"], *columns], names=[KEY, ORDER, *REJECTED.names])
        return rows.filter(pa.array(draws >= limits))

    def _probabilities(self, clusters: Ints, counts: pa.Table) -> Floats:
        probabilities: Floats = np.minimum(self.cap / values_at(counts, "cluster", "count", clusters), 1.0)
        return probabilities


def _meet_drawn(rows: Rows, shared: Mapping[str, pa.Table]) -> Iterator[pa.Table]:
    yield from (table.cast(REJECTED) for table in rows.read(REJECTED.names))


def rejected_in(decided: pa.Table) -> pa.Table:
    """Returns the rows REJECTED of what was drawn, or decided with strict caps."""
    if "state" not in decided.column_names:
        return decided
    rows = decided.filter(pa.array(column(decided, "state") == capped_rows.REJECTED))
    is_decider = pa.array(column(rows, "opinion") == capped_rows.DECIDES)
    values = [rows[name].cast(pa.float64()) for name in ("with_it", "limit")]
    return pa.table([rows["node"], rows["cluster"], rows["count"], is_decider, *values], schema=REJECTED)


def send_counts_left(which: str, table: pa.Table) -> pa.Table:
    """Sends how many items each cluster has before, and how many of them are rejected."""
    rows = table if which == COUNTS else rejected_in(table)
    counts = column(rows, "count")
    zeros = np.zeros_like(counts)
    before, gone = (counts, zeros) if which == COUNTS else (zeros, counts)
    return sent_sums(hashed(column(rows, "cluster")), before=before, gone=gone)


def meet_counts_left(rows: Rows) -> Iterator[pa.Table]:
    """Yields each cluster with its items before and after, as `reports.GROUPS`."""
    keys, [before, gone] = summed(rows.read(), ["before", "gone"])
    names = [f"cluster {number}" for number in unhashed(keys).tolist()]
    yield pa.table([keys, names, before, before - gone], schema=reports.GROUPS)


def members(sketch: pa.Table) -> pa.Table:
    """Returns what is in clusters in a sketch, for examples."""
    groups = pa.array(hashed(column(sketch, "cluster")))
    return sketch.select(["draw", "id", "position"]).append_column("group", groups)


def send_rejected(which: str, decided: pa.Table) -> pa.Table:
    """Sends each rejected unit to its part."""
    rows = rejected_in(decided)
    rows = rows.filter(rows["is_decider"])
    nodes = column(rows, "node")
    parts = pa.array((nodes >> NODE_BITS).astype(np.int32))
    return pa.table([parts, rows["node"], *rows.select(_DECIDER).columns], names=["part", ORDER, *_DECIDER])


def meet_rejected(rows: Rows, sketches: Rows, *, of_documents: bool) -> Iterator[pa.Table]:
    """Yields each rejected unit with its id and position, which is -1 for documents."""
    waiting = iter(sketches.read(["node", "id", "position"]))
    sketch = next(waiting, None)
    for table in rows.read():
        nodes = column(table, ORDER)
        while len(nodes):
            assert sketch is not None
            known = column(sketch, "node")
            here = int(np.searchsorted(nodes, known[-1], "right")) if len(known) else 0
            if here:
                named = sketch.take(pa.array(np.searchsorted(known, nodes[:here])))
                some = table.slice(0, here)
                position = pa.array(np.full(here, DOCUMENT, np.int32)) if of_documents else named["position"]
                place = [some["part"], named["id"], position]
                yield pa.table([*place, *some.select(_DECIDER).columns], schema=_VERDICTS)
            table, nodes = table.slice(here), nodes[here:]
            if len(nodes):
                sketch = next(waiting, None)
