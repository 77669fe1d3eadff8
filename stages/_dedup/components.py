"""Connected components: an exchange that is repeated until every node knows the root of its component.

The rounds are the operations large-star and small-star in turn (Kiveris et al., "Connected Components in MapReduce and Beyond",
SoCC 2014), which need O(log n) rounds on paths too. Nodes are ordered by a hash, so that no numbering of nodes is a bad one. Each
table of edges is replaced by a forest of stars before it is sent, so a graph that lies in one table takes one round.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from interloom.pipeline.exchange_rows import Ints
from interloom.pipeline.stage import Exchange, Rows
from interloom.pipeline.store.merging import column
from interloom.stages._dedup.splitmix import hashed, unhashed

ROOTS = pa.schema({"node": pa.int64(), "root": pa.int64(), "changed": pa.bool_(), "large": pa.bool_()})
"""A node and the root of its component, whose own root it is. `large` says whether large-star made the row."""
MOST_ROUNDS = 40
"""A chain of a million nodes, its edges in any order in a thousand tables, takes 19. Our choice."""


def components(name: str, reads: tuple[str, ...]) -> Exchange:
    """Returns the exchange whose result is a table ROOTS, with one row for each node that has an edge.

    Parameters:
        name: Its name.
        reads: The names of what has the edges: the int64 columns `a` and `b` are nodes.
    """
    return Exchange(name=name, reads=reads, send=_send, meet=_meet, most_rounds=MOST_ROUNDS)


def _send(which: str, table: pa.Table) -> pa.Table:
    """Sends the edges of a star forest to both ends for large-star, to the larger end for small-star."""
    is_first = "root" not in table.column_names
    large = is_first or not (len(table) and table["large"][0].as_py())
    ends = [hashed(column(table, name)).view(np.int64) for name in (("a", "b") if is_first else ("node", "root"))]
    larger, smaller = _star_forest(*ends)
    keys, order = (np.concatenate([larger, smaller]), np.concatenate([smaller, larger])) if large else (larger, smaller)
    flags = pa.array(np.full(len(keys), large))
    return pa.table({"key": pa.array(keys.view(np.uint64)), "order": pa.array(order), "large": flags})


def _star_forest(left: Ints, right: Ints) -> tuple[Ints, Ints]:
    """Returns edges (node, smallest node of its component) that connect the same. (3, 5), (5, 7) -> (5, 3), (7, 3)."""
    nodes, ends = np.unique(np.concatenate([left, right]), return_inverse=True)
    unite, find_roots = union_find()
    roots = np.arange(len(nodes))
    unite(roots, ends[: len(left)], ends[len(left) :])
    find_roots(roots)
    is_child = roots != np.arange(len(nodes))
    return nodes[is_child], nodes[roots[is_child]]


class _Last(NamedTuple):
    """The last row of a table: its node, the neighbour, and of its node the least neighbour and how many there were so far."""

    node: int
    neighbour: int
    least: int
    seen: int


def _meet(rows: Rows) -> Iterator[pa.Table]:
    """Connects neighbours of each node to the least of them: the larger ones in large-star, the smaller ones in small-star."""
    last: _Last | None = None
    for table in rows.read():
        if len(table):
            star, last = _star(table, last)
            yield star


def _star(table: pa.Table, last: _Last | None) -> tuple[pa.Table, _Last]:
    """Returns what comes of the nodes in this table, whose first node may go on from the table before."""
    nodes, neighbours = column(table, "key").view(np.int64), column(table, "order")
    is_new = np.ones(len(nodes), np.bool_)
    is_new[1:] = (nodes[1:] != nodes[:-1]) | (neighbours[1:] != neighbours[:-1])
    is_new[0] = last is None or (last.node, last.neighbour) != (nodes[0], neighbours[0])
    end = int(nodes[-1]), int(neighbours[-1])
    nodes, neighbours = nodes[is_new], neighbours[is_new]
    if not len(nodes):
        return ROOTS.empty_table(), last  # type: ignore[return-value]  # only a row that was seen before has nothing new
    starts = np.flatnonzero(np.concatenate([[True], nodes[1:] != nodes[:-1]]))
    counts = np.diff(starts, append=len(nodes))
    least, before = neighbours[starts], np.zeros(len(starts), np.int64)
    if last is not None and last.node == nodes[0]:
        least[0], before[0] = last.least, last.seen
    places = np.arange(len(nodes)) - np.repeat(starts - before, counts)
    after = _Last(*end, int(least[-1]), int(before[-1] + counts[-1]))
    edges = _large_star if table["large"][0].as_py() else _small_star
    return edges(nodes, neighbours, np.repeat(least, counts), places), after


def _large_star(nodes: Ints, neighbours: Ints, least: Ints, places: Ints) -> pa.Table:
    """Connects each neighbour that is larger than the node to the least of the node and its neighbours.

    A graph is a forest of stars, and so does not change, if each node has only larger neighbours or a single smaller one. A node
    with larger ones only is its own root. A node with a smaller one and a second one says that it changed.
    """
    is_root, is_larger = least > nodes, neighbours > nodes
    is_told = (is_root & (places == 0)) | (~is_root & (places == 1))
    members = np.concatenate([neighbours[is_larger], nodes[is_told]])
    roots = np.concatenate([np.minimum(least, nodes)[is_larger], nodes[is_told]])
    return _roots(members, roots, ~np.concatenate([is_root[is_larger], is_root[is_told]]), large=True)


def _small_star(nodes: Ints, neighbours: Ints, least: Ints, places: Ints) -> pa.Table:
    """Connects each node and its smaller neighbours, which are the ones that it was sent, to the least of them. Large-star finds
    that the graph has settled, so all rows count as changed."""
    is_other = neighbours != least
    members = np.concatenate([nodes[places == 0], neighbours[is_other]])
    return _roots(members, np.concatenate([least[places == 0], least[is_other]]), np.ones(len(members), np.bool_), large=False)


def _roots(nodes: Ints, roots: Ints, changed: Any, *, large: bool) -> pa.Table:
    columns = [unhashed(nodes.view(np.uint64)), unhashed(roots.view(np.uint64)), changed, np.full(len(nodes), large)]
    return pa.table(list(map(pa.array, columns)), schema=ROOTS)


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
