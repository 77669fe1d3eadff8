"""Decides on units one after the other, in the order of their draws, as a stream of rows with a number for each cluster."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from interloom.pipeline.exchange_rows import Ints, in_total_order
from interloom.pipeline.stage import Rows
from interloom.pipeline.store.merging import column
from interloom.stages._dedup.components import compiled
from interloom.stages._select.capped_rows import REJECTED, next_rows, with_columns

_COLUMNS = ("cluster", "count", "base", "state", "opinion", "with_it")
"""The columns of the matrix for `_decide_in_turn`; of a cluster it has the place among all clusters."""


def one_by_one(rows: Rows, cap: int) -> Iterator[pa.Table]:
    """Yields the rows of units that are rejected.

    Parameters:
        rows: Rows of one key, in the order of draws: undecided and kept ones, and rejected ones with other keys.
        cap: The most that a cluster may hold.
    """
    clusters = _clusters(rows)
    held = np.zeros(len(clusters), np.int64)
    for table in _whole_units(in_total_order(rows.read(), ("tie", "node", "cluster"))):
        is_gone = column(table, "state") == REJECTED
        yield next_rows(table.filter(pa.array(is_gone)))
        some = table.filter(pa.array(~is_gone))
        matrix = np.stack([column(some, name).astype(np.int64) for name in _COLUMNS], axis=1)
        matrix[:, 0] = np.searchsorted(clusters, matrix[:, 0])
        nodes = column(some, "node")
        starts = np.flatnonzero(np.diff(nodes, prepend=~nodes[:1]))
        _decider()(cap, held, matrix, np.append(starts, len(nodes)))
        told = with_columns(some, opinion=pa.array(matrix[:, 4].astype(np.int8)), with_it=pa.array(matrix[:, 5]))
        yield next_rows(told.filter(pa.array(matrix[:, 3] == REJECTED)), state=REJECTED)


def _clusters(rows: Rows) -> Ints:
    """The clusters of units that are not rejected, sorted, each once. Those of several tables are merged when they are as many
    as all before them, so that each number is sorted a few times only, however many tables there are."""
    clusters, more, waiting = np.empty(0, np.int64), list[Ints](), 0
    for table in rows.read(["cluster", "state"]):
        more.append(np.unique(column(table, "cluster")[column(table, "state") != REJECTED]))
        waiting += len(more[-1])
        if waiting > len(clusters):
            clusters, more, waiting = np.unique(np.concatenate([clusters, *more])), [], 0
    return np.unique(np.concatenate([clusters, *more]))


def _whole_units(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """The rows in tables that divide no unit: the last unit of each waits for the next table."""
    waiting: pa.Table | None = None
    for table in tables:
        if table.num_rows:
            rows = table if waiting is None else pa.concat_tables([waiting, table])
            nodes = column(rows, "node")
            last = int(np.flatnonzero(np.diff(nodes, prepend=~nodes[:1]))[-1])
            yield rows.slice(0, last)
            waiting = rows.slice(last)
    if waiting is not None:
        yield waiting


def _decide_in_turn(cap: int, held: Ints, rows: Ints, starts: Ints) -> None:
    """Gives the rows of each unit that has no room in a cluster the state 2 (rejected), what the cluster would hold with it, and,
    where there is no room, the opinion 3 (decides) at the first cluster and 2 (full) at others.

    `held` is what clusters hold, and goes on in the next table. Unit n has the rows from starts[n] to starts[n + 1].
    """
    for unit in range(starts.size - 1):
        own = rows[starts[unit] : starts[unit + 1]]
        is_rejected = False
        for row in own:
            held[row[0]] += row[2]
            row[5] = held[row[0]] + row[1]
            row[4] = 1
            if row[3] == 0 and row[5] > cap:
                row[4] = 2 if is_rejected else 3
                is_rejected = True
        for row in own:
            if is_rejected:
                row[3] = 2
            else:
                held[row[0]] += row[1]


@functools.cache
def _decider() -> Callable[[int, Ints, Any, Ints], None]:
    return compiled(_decide_in_turn)
