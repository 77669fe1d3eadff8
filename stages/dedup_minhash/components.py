"""From pairs of near duplicates to one kept document per connected component."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from interloom.pipeline.stage import Rows
from interloom.stages._dedup.duplicates import Ints, kept_places, numbers

_END = {"part": pa.int32(), "row": pa.int64(), "id": pa.string(), "merit": pa.int64()}
EDGES = pa.schema({**{f"{name}_{end}": kind for end in "ab" for name, kind in _END.items()}, "similarity": pa.float64()})
"""A pair: where both documents are, what the keep policy looks at, and how similar they are."""
VERDICTS = pa.schema({"part": pa.int32(), "id": pa.string(), "kept": pa.string(), "similarity": pa.float64()})
_PLACE = ["part_a", "row_a", "part_b", "row_b"]
_ROW_BITS = 40


def edges(rows: pa.Table, merits: Ints, pairs: Ints, similarity: Any) -> pa.Table:
    """`EDGES` between the rows (columns part, row, id) that `pairs` (n x 2) names."""
    rows = rows.select(["part", "row", "id"]).append_column("merit", pa.array(merits))
    ends = [rows.take(pa.array(pairs[:, side])) for side in (0, 1)]
    columns = [end[name] for end in ends for name in _END]
    return pa.table([*columns, pa.array(similarity, pa.float64())], schema=EDGES)


def verdicts(found: Rows) -> pa.Table:
    """`VERDICTS` on every document that another one of its component stands for; `similarity` is its best edge's.

    Two passes over the edges; holds what there is about the documents that have a duplicate. The order of the edges
    does not matter: components are sets, a root is the smallest member, and the best of a maximum has no order.
    """
    nodes = np.empty(0, np.int64)
    for table in found.read(_PLACE):
        nodes = np.unique(np.concatenate([nodes, _codes(table, "a"), _codes(table, "b")]))
    if not len(nodes):
        return VERDICTS.empty_table()
    ids, merits, best, root = _gather(found, nodes)
    kept = kept_places(root, merits)
    lost = np.flatnonzero(kept != np.arange(len(kept)))
    part = (nodes[lost] >> _ROW_BITS).astype(np.int32)
    return pa.table([part, ids.take(pa.array(lost)), ids.take(pa.array(kept[lost])), best[lost]], schema=VERDICTS)


def _codes(table: pa.Table, end: str) -> Ints:
    codes: Ints = (numbers(table, f"part_{end}").astype(np.int64) << _ROW_BITS) | numbers(table, f"row_{end}")
    return codes


def _gather(found: Rows, nodes: Ints) -> tuple[pa.Array, Ints, Any, Ints]:
    """Per node: id, merit, best similarity and root of its component."""
    unite, roots = union_find()
    root, merits, best = np.arange(len(nodes)), np.zeros(len(nodes), np.int64), np.zeros(len(nodes))
    ids, owners, named = [], [], np.zeros(len(nodes), np.bool_)
    for table in found.read(EDGES.names):
        places = {end: np.searchsorted(nodes, _codes(table, end)) for end in "ab"}
        unite(root, places["a"], places["b"])
        for end, place in places.items():
            np.maximum.at(best, place, numbers(table, "similarity"))
            merits[place] = numbers(table, f"merit_{end}")
            new, at = np.unique(place, return_index=True)
            at, new = at[~named[new]], new[~named[new]]
            named[new] = True
            owners.append(new)
            ids.append(table[f"id_{end}"].combine_chunks().take(pa.array(at)))
    roots(root)
    return pa.concat_arrays(ids).take(pa.array(np.argsort(np.concatenate(owners)))), merits, best, root


def find(parent: Ints, node: int) -> int:
    """The root of the node's tree, halving the path on the way."""
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node


def _unite(parent: Ints, left: Ints, right: Ints) -> None:
    for i in range(left.size):
        a, b = find(parent, left[i]), find(parent, right[i])
        parent[max(a, b)] = min(a, b)


def _roots(parent: Ints) -> None:
    for i in range(parent.size):
        parent[i] = find(parent, i)


@functools.cache
def union_find() -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Compiled `unite(parent, left, right)` and `roots(parent)`; every parent is smaller than its child."""
    return compiled(_unite, find), compiled(_roots, find)


def compiled(function: Callable[..., Any], *called: Callable[..., Any]) -> Callable[..., Any]:
    """The function as machine code, and those it calls; kept on disk for the next process where there is a place to."""
    import numba
    from numba.extending import register_jitable

    for inner in called:
        register_jitable(inner)
    try:
        return numba.njit(cache=True)(function)  # type: ignore[no-any-return]
    except RuntimeError:  # numba finds no folder it may write: a read-only installation without a home
        return numba.njit(function)  # type: ignore[no-any-return]
