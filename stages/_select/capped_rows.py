"""Rows of units that strict caps decide on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from interloom.pipeline.exchange_rows import Ints
from interloom.pipeline.store.merging import column

UNDECIDED, KEPT, REJECTED = range(3)
UNKNOWN, FITS, FULL, DECIDES = range(4)
ROWS = pa.schema(
    {
        "draw": pa.uint64(),
        "tie": pa.uint64(),
        "node": pa.int64(),
        "cluster": pa.int64(),
        "count": pa.int64(),
        "base": pa.int64(),
        "is_single": pa.bool_(),
        "state": pa.int8(),
        "opinion": pa.int8(),
        "with_it": pa.int64(),
        "limit": pa.int64(),
        "round": pa.int32(),
        "changed": pa.bool_(),
    }
)
"""What a unit (draw and tie order units, node names it) brings to a cluster, of which `limit` is the cap. A row that is kept says
how much is kept at its place; a rejected one has the opinion DECIDES if its cluster did, and what it would hold `with_it`."""


def next_rows(rows: pa.Table, state: int | None = None) -> pa.Table:
    """Returns the rows for the next round, all in this state if one is given."""
    states = column(rows, "state") if state is None else np.full(rows.num_rows, state, np.int8)
    more = {"state": pa.array(states, pa.int8()), "changed": pa.array(states == UNDECIDED, pa.bool_())}
    return with_columns(rows, round=pa.array(column(rows, "round") + np.int32(1), pa.int32()), **more)


def with_columns(rows: pa.Table, **columns: pa.Array) -> pa.Table:
    """Returns the rows with other values in these columns."""
    return pa.table([columns.get(name, rows[name]) for name in ROWS.names], schema=ROWS)


def new_rows(rows: dict[str, Any], cap: int) -> pa.Table:
    """Returns undecided rows of the first round.

    Parameters:
        rows: The columns draw, tie, node, cluster and count, ordered by node.
        cap: The most that a cluster may hold.
    """
    nodes: Ints = rows["node"]
    _, place, sizes = np.unique(nodes, return_inverse=True, return_counts=True)
    zeros = np.zeros(len(nodes), np.int64)
    columns = {"base": zeros, "is_single": sizes[place] == 1, "state": zeros.astype(np.int8), "opinion": zeros.astype(np.int8)}
    more = {"with_it": zeros, "limit": zeros + cap, "round": zeros.astype(np.int32), "changed": np.ones(len(nodes), np.bool_)}
    values: dict[str, Any] = {**rows, **columns, **more}
    return pa.table([pa.array(values[name]) for name in ROWS.names], schema=ROWS)
