"""Who stays of each group of near-duplicates: members are gathered from pairs and roots, then meet at their root."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from interloom.pipeline.exchange_rows import NODE_BITS, Ints
from interloom.pipeline.stage import Rows
from interloom.pipeline.store.merging import column
from interloom.stages._dedup.splitmix import hashed

VERDICTS = pa.schema({"part": pa.int32(), "id": pa.string(), "kept": pa.string(), "similarity": pa.float64()})
"""A document to drop, the id of the document that stays for it, and its similarity to the nearest document of the group."""
_MEMBERS = ("node", "root", "id", "priority", "matches")


def send_to_nodes(which: str, table: pa.Table) -> pa.Table:
    """Sends roots (tables ROOTS) and both ends of pairs to their nodes; the root comes first."""
    if "root" in table.column_names:
        count = len(table)
        zeros = pa.array(np.zeros(count, np.int64))
        return _to_nodes(column(table, "node"), -1, table["root"], pa.array([""] * count, pa.string()), zeros, zeros)
    nodes = np.concatenate([column(table, "a"), column(table, "b")])
    both = {name: pa.concat_arrays([table[f"{name}_{end}"].combine_chunks() for end in "ab"]) for name in ("id", "priority")}
    matches = np.tile(column(table, "matches"), 2)
    best = np.lexsort((~matches, nodes))
    best = best[np.flatnonzero(np.concatenate([[True], np.diff(nodes[best]) != 0])[: len(best)])]
    chosen = pa.array(best)
    roots = pa.array(np.full(len(best), -1))
    return _to_nodes(nodes[best], 0, roots, both["id"].take(chosen), both["priority"].take(chosen), pa.array(matches[best]))


def _to_nodes(nodes: Ints, order: int, *columns: pa.Array) -> pa.Table:
    return pa.table(
        [pa.array(hashed(nodes)), pa.array(np.full(len(nodes), order)), nodes, *columns], names=["key", "order", *_MEMBERS]
    )


def meet_at_nodes(rows: Rows) -> Iterator[pa.Table]:
    """Yields one row for each node: node, root, id, priority, and the most matches of its pairs."""
    held = None
    for table in rows.read():
        if len(table):
            reduced = _reduced(table if held is None else pa.concat_tables([held, table]))
            held = reduced.slice(len(reduced) - 1)
            yield reduced.slice(0, len(reduced) - 1).select(list(_MEMBERS))
    if held is not None:
        yield held.select(list(_MEMBERS))


def _reduced(rows: pa.Table) -> pa.Table:
    """Returns one row for each key: the root of its first row, the most matches, what the last row says otherwise."""
    keys = column(rows, "key")
    starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    ends = np.append(starts[1:], len(keys)) - 1
    last = rows.take(pa.array(ends))
    columns = {name: last[name] for name in rows.column_names}
    columns["root"] = rows["root"].take(pa.array(starts))
    columns["matches"] = pa.array(np.maximum.reduceat(column(rows, "matches"), starts))
    return pa.table(columns)


def send_to_roots(members: pa.Table) -> pa.Table:
    """Sends the members to the root of their group, where `meet_equal_keys` decides which one stays."""
    nodes = column(members, "node")
    rows = members.select(["id", "priority", "matches"]).append_column("order", pa.array(nodes))
    rows = rows.append_column("part", pa.array((nodes >> NODE_BITS).astype(np.int32)))
    return rows.append_column("key", pa.array(hashed(column(members, "root"))))
