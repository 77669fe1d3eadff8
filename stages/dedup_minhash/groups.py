"""Who stays of each group of near-duplicates: members are gathered from pairs and roots, then meet at their root."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from interloom.pipeline.exchange_rows import NODE_BITS
from interloom.pipeline.stage import Rows
from interloom.stages._dedup.components import hashed
from interloom.stages._dedup.duplicates import Ints, indices_in, to_numpy

VERDICTS = pa.schema({"part": pa.int32(), "id": pa.string(), "kept": pa.string(), "similarity": pa.float64()})
"""A document to drop, the id of the document that stays for it, and its similarity to the nearest document of the group."""
_MEMBERS = ("node", "root", "id", "priority", "matches")


def send_to_nodes(which: str, table: pa.Table) -> pa.Table:
    """Sends roots (tables ROOTS) and both ends of pairs to their nodes; the root comes first."""
    if "root" in table.column_names:
        count = len(table)
        zeros = pa.array(np.zeros(count, np.int64))
        return _to_nodes(to_numpy(table, "node"), -1, table["root"], pa.array([""] * count, pa.string()), zeros, zeros)
    nodes = np.concatenate([to_numpy(table, "a"), to_numpy(table, "b")])
    both = {name: pa.concat_arrays([table[f"{name}_{end}"].combine_chunks() for end in "ab"]) for name in ("id", "priority")}
    matches = np.tile(to_numpy(table, "matches"), 2)
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
    keys = to_numpy(rows, "key")
    starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    ends = np.append(starts[1:], len(keys)) - 1
    last = rows.take(pa.array(ends))
    columns = {name: last[name] for name in rows.column_names}
    columns["root"] = rows["root"].take(pa.array(starts))
    columns["matches"] = pa.array(np.maximum.reduceat(to_numpy(rows, "matches"), starts))
    return pa.table(columns)


def send_to_roots(members: pa.Table) -> pa.Table:
    """Sends the members to the root of their group."""
    names = {"node": "order", "id": "id", "priority": "priority", "matches": "matches"}
    rows = members.select(list(names)).rename_columns(list(names.values()))
    return rows.append_column("key", pa.array(hashed(to_numpy(members, "root"))))


def meet_at_roots(rows: Rows) -> Iterator[pa.Table]:
    """Yields part, id, the id that is kept, and matches of each member that does not stay. One row of each group is held: that of
    the member with the highest priority, of several the first one."""
    staying = _staying(rows)
    if staying is None:
        return
    keys, nodes = to_numpy(staying, "key"), to_numpy(staying, "order")
    for table in rows.read(["key", "order", "id", "matches"]):
        place = indices_in(keys, to_numpy(table, "key"))
        is_dropped = pa.array(nodes[place] != to_numpy(table, "order"))
        dropped, kept = table.filter(is_dropped), staying["id"].take(pa.array(place)).filter(is_dropped)
        parts = (to_numpy(dropped, "order") >> NODE_BITS).astype(np.int32)
        yield pa.table({"part": parts, "id": dropped["id"], "kept": kept, "matches": dropped["matches"]})


def _staying(rows: Rows) -> pa.Table | None:
    """Returns the row that stays of each key, sorted by key."""
    found: list[pa.Table] = []
    for table in rows.read(["key", "order", "id", "priority"]):
        if len(table):  # the last group may go on in this table
            best = _best(pa.concat_tables([*(one.slice(len(one) - 1) for one in found[-1:]), table]))
            found[-1:] = [one.slice(0, len(one) - 1) for one in found[-1:]] + [best]
    return pa.concat_tables(found).combine_chunks() if found else None


def _best(rows: pa.Table) -> pa.Table:
    keys = to_numpy(rows, "key")
    best = np.lexsort((to_numpy(rows, "order"), ~to_numpy(rows, "priority"), keys))
    return rows.take(pa.array(best[np.concatenate([[True], np.diff(keys[best]) != 0])]))
