"""Turns pairs of near-duplicates into connected components and decides which document of each stays."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from interloom.pipeline.stage import Rows
from interloom.stages._dedup.duplicates import Ints, kept_rows, to_numpy

_END = {"part": pa.int32(), "row": pa.int64(), "id": pa.string(), "priority": pa.int64()}
EDGES = pa.schema({**{f"{name}_{end}": kind for end in "ab" for name, kind in _END.items()}, "similarity": pa.float64()})
"""A pair of near-duplicates: part, row, id and priority (to be kept) of both documents, and their similarity."""
VERDICTS = pa.schema({"part": pa.int32(), "id": pa.string(), "kept": pa.string(), "similarity": pa.float64()})
"""A document to drop, the id of the document that stays for it, and its similarity to the nearest document of the group."""
_NODE_COLUMNS = ["part_a", "row_a", "part_b", "row_b"]
_ROW_BITS = 40
"""A node is one number: the part of the document in the upper bits, its row in the lower 40 bits."""


def to_edges(rows: pa.Table, priorities: Ints, pairs: Ints, similarity: Any) -> pa.Table:
    """Returns the pairs as a table EDGES.

    Parameters:
        rows: Documents, with the columns part, row and id.
        priorities: The priority of each row; of a group the document with the highest priority stays.
        pairs: Indices of rows, n x 2.
        similarity: The similarity of each pair. 0 to 1.
    """
    rows = rows.select(["part", "row", "id"]).append_column("priority", pa.array(priorities))
    ends = [rows.take(pa.array(pairs[:, side])) for side in (0, 1)]
    columns = [end[name] for end in ends for name in _END]
    return pa.table([*columns, pa.array(similarity, pa.float64())], schema=EDGES)


def decide_kept(edges: Rows) -> pa.Table:
    """Returns a table VERDICTS with every document of a component except the one that stays.

    It reads the edges twice and holds only the documents that have a duplicate. The order of the edges does not matter:
    components are sets, a root is the smallest member, and a maximum does not depend on the order.
    """
    nodes = np.empty(0, np.int64)
    for table in edges.read(_NODE_COLUMNS):
        nodes = np.unique(np.concatenate([nodes, _nodes(table, "a"), _nodes(table, "b")]))
    if not len(nodes):
        return VERDICTS.empty_table()
    ids, priorities, best, roots = _gather_nodes(edges, nodes)
    kept = kept_rows(roots, priorities)
    dropped = np.flatnonzero(kept != np.arange(len(kept)))
    part = (nodes[dropped] >> _ROW_BITS).astype(np.int32)
    return pa.table([part, ids.take(pa.array(dropped)), ids.take(pa.array(kept[dropped])), best[dropped]], schema=VERDICTS)


def _nodes(table: pa.Table, end: str) -> Ints:
    """Returns the node of each edge at one end, "a" or "b". Example: part 2, row 5 -> 2 * 2**40 + 5."""
    nodes: Ints = (to_numpy(table, f"part_{end}").astype(np.int64) << _ROW_BITS) | to_numpy(table, f"row_{end}")
    return nodes


def _gather_nodes(edges: Rows, nodes: Ints) -> tuple[pa.Array, Ints, Any, Ints]:
    """Returns of each node its id, its priority, its highest similarity and the root of its component."""
    unite, find_roots = union_find()
    roots, priorities, best = np.arange(len(nodes)), np.zeros(len(nodes), np.int64), np.zeros(len(nodes))
    ids, id_nodes, has_id = [], [], np.zeros(len(nodes), np.bool_)
    for table in edges.read(EDGES.names):
        ends = {end: np.searchsorted(nodes, _nodes(table, end)) for end in "ab"}
        unite(roots, ends["a"], ends["b"])
        for end, index in ends.items():
            np.maximum.at(best, index, to_numpy(table, "similarity"))
            priorities[index] = to_numpy(table, f"priority_{end}")
            new, at = np.unique(index, return_index=True)
            at, new = at[~has_id[new]], new[~has_id[new]]
            has_id[new] = True
            id_nodes.append(new)
            ids.append(table[f"id_{end}"].combine_chunks().take(pa.array(at)))
    find_roots(roots)
    return pa.concat_arrays(ids).take(pa.array(np.argsort(np.concatenate(id_nodes)))), priorities, best, roots


def find(parent: Ints, node: int) -> int:
    """Returns the root of the node's tree and halves the path to it. Parents `[0, 0, 1]`, node 2 -> 0."""
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node


def _unite(parent: Ints, left: Ints, right: Ints) -> None:
    """Joins the trees of left[i] and right[i] for each i, under the smaller root."""
    for i in range(left.size):
        a, b = find(parent, left[i]), find(parent, right[i])
        parent[max(a, b)] = min(a, b)


def _find_roots(parent: Ints) -> None:
    """Replaces each parent by the root of its tree."""
    for i in range(parent.size):
        parent[i] = find(parent, i)


@functools.cache
def union_find() -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Returns the compiled functions `unite(parent, left, right)` and `find_roots(parent)`.

    `parent` holds the parent of each node, at first itself; a parent is never greater than its child.
    """
    return compiled(_unite, find), compiled(_find_roots, find)


def compiled(function: Callable[..., Any], *called: Callable[..., Any]) -> Callable[..., Any]:
    """Compiles a function with numba and caches the machine code on disk, if numba finds a folder that it may write to.

    Parameters:
        function: The function.
        called: The functions that it calls.
    """
    import numba
    from numba.extending import register_jitable

    for inner in called:
        register_jitable(inner)
    try:
        return numba.njit(cache=True)(function)  # type: ignore[no-any-return]
    except RuntimeError:  # numba finds no folder that it may write to: a read-only installation without a home
        return numba.njit(function)  # type: ignore[no-any-return]
