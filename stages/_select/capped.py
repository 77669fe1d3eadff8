"""Keeps units in the order of their draws as long as all their clusters have room: strict caps for units of several clusters.

A unit (a document, or an element) is kept if each of its clusters has room for what it brings, beside what is kept of the units
before it. That is decided in rounds, for all clusters at once. In a cluster's turn each unit that is not decided gets an opinion:
there is no room beside what is surely kept; there is room beside all that may be kept; or nobody knows yet. In the units' turn a
unit goes when a cluster has no room, and stays when all have. A few rounds decide most; the last units may wait for each other in
long chains, so what is left then streams through one place, in the order of the draws, with a number for each cluster.

Between rounds only undecided units travel, with what is kept between them (`base`), and what is rejected.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from interloom.pipeline.exchange_rows import Ints, in_total_order, whole_keys
from interloom.pipeline.stage import Exchange, Rows
from interloom.pipeline.store.merging import KEY, ORDER, column
from interloom.stages._dedup.components import compiled
from interloom.stages._dedup.splitmix import hashed
from interloom.stages._select.capped_rows import (
    DECIDES,
    FITS,
    FULL,
    KEPT,
    REJECTED,
    ROWS,
    UNDECIDED,
    next_rows,
    with_columns,
)
from interloom.stages._select.in_turn import one_by_one

ROUNDS = 4
"""After so many, 10 million skewed rows have half of them left, and each further round decides a tenth. Our choice."""
_MOST_CLUSTERS = 1 << 20
"""A unit has at most so many clusters."""


@dataclass(frozen=True, slots=True)
class Caps:
    """The rounds that decide. `cap`: the most that a cluster may hold."""

    cap: int

    def exchange(self, name: str, units: Any, params: tuple[str, ...]) -> Exchange:
        """Returns the exchange whose result has the rejected rows of ROWS; `units` makes undecided rows of a sketch."""

        def send(which: str, table: pa.Table) -> pa.Table:
            return _sent(units(table) if which == "sketch" else table)

        rounds = 2 * ROUNDS + 2
        return Exchange(name=name, reads=("sketch",), send=send, meet=self._meet, most_rounds=rounds, params=params)

    def _meet(self, rows: Rows) -> Iterator[pa.Table]:
        first = next((table for table in rows.read(["round"]) if table.num_rows), None)
        if first is None:
            return
        number = int(column(first, "round")[0])
        if number == 2 * ROUNDS:
            yield from one_by_one(rows, self.cap)
        else:
            yield from self._clusters(rows) if number % 2 == 0 else _units(rows)

    def _clusters(self, rows: Rows) -> Iterator[pa.Table]:
        """Yields undecided rows with opinions, and rejected rows as they are."""
        opine = _opinions()
        carried = np.zeros(5, np.int64)  # is there a cluster, its number, kept, undecided, kept since the last undecided row
        for table in in_total_order(rows.read(), ("tie", "node", "cluster")):
            is_gone = column(table, "state") == REJECTED
            yield next_rows(table.filter(pa.array(is_gone)))
            some = table.filter(pa.array(~is_gone))
            matrix = np.stack([column(some, name).astype(np.int64) for name in _COLUMNS], axis=1)
            opine(self.cap, carried, matrix)
            told = {"base": pa.array(matrix[:, 2]), "with_it": pa.array(matrix[:, 6])}
            opinions = pa.array(matrix[:, 5].astype(np.int8))
            yield next_rows(with_columns(some, opinion=opinions, **told).filter(pa.array(column(some, "state") == UNDECIDED)))


def _sent(rows: pa.Table) -> pa.Table:
    """Sends rows to their clusters in even rounds, to their units in odd ones, in the last one to one place; rejected rows
    anywhere."""
    if not rows.num_rows:
        return pa.table({KEY: pa.array([], pa.uint64()), ORDER: pa.array([], pa.int64())})
    draws, number = column(rows, "draw"), int(column(rows, "round")[0])
    is_gone, is_even = column(rows, "state") == REJECTED, number % 2 == 0
    clusters = np.zeros_like(draws) if number == 2 * ROUNDS else hashed(column(rows, "cluster"))
    keys = np.where(is_gone, draws, clusters) if is_even else draws
    order = draws if is_even else column(rows, "tie")
    return pa.table([keys, order.view(np.int64), *rows.columns], names=[KEY, ORDER, *ROWS.names])


def _units(rows: Rows) -> Iterator[pa.Table]:
    """Yields rows of undecided units, what is kept at the place of decided ones, and rejected rows."""
    for batch in whole_keys(in_total_order(rows.read(), ("node", "cluster")), _MOST_CLUSTERS):
        is_gone = column(batch, "state") == REJECTED
        yield next_rows(batch.filter(pa.array(is_gone)))
        table = batch.filter(pa.array(~is_gone))
        if table.num_rows:
            yield from _decided(table)


def _decided(table: pa.Table) -> Iterator[pa.Table]:
    opinions, nodes = column(table, "opinion"), column(table, "node")
    starts = np.flatnonzero(np.diff(nodes, prepend=~nodes[:1]))
    sizes = np.diff(starts, append=len(nodes))
    is_full = np.repeat(np.maximum.reduceat(opinions, starts) == FULL, sizes)
    is_kept = np.repeat(np.minimum.reduceat(opinions, starts) == FITS, sizes) & ~is_full
    counts, bases = column(table, "count"), column(table, "base")
    kept = with_columns(table, count=pa.array(np.where(is_kept, counts, 0) + bases), base=pa.array(np.zeros_like(bases)))
    yield next_rows(kept.filter(pa.array(is_kept | (is_full & (bases > 0)))), state=KEPT)
    told = with_columns(table, opinion=pa.array(_with_deciders(opinions, nodes)))
    yield next_rows(told.filter(pa.array(is_full)), state=REJECTED)
    yield next_rows(table.filter(pa.array(~is_kept & ~is_full)))


def _with_deciders(opinions: Any, nodes: Ints) -> Any:
    """Returns the opinions with DECIDES instead of the first FULL of each node. Nodes 1 1 1 2, FITS FULL FULL FITS -> FITS
    DECIDES FULL FITS."""
    full = np.flatnonzero(opinions == FULL)
    told = opinions.copy()
    told[full[np.diff(nodes[full], prepend=~nodes[full][:1]) != 0]] = DECIDES
    return told


_COLUMNS = ("cluster", "count", "base", "state", "is_single", "opinion", "with_it")
"""The columns of the matrix for `_give_opinions`."""


def _give_opinions(cap: int, carried: Ints, rows: Ints) -> None:
    """Gives undecided rows, sorted by cluster and draw, opinions, and the `base` that is kept since the undecided row before.

    `carried` is what is known of the cluster of the last row: 1, its number, what is kept, what is undecided, and what is kept
    since its last undecided row. It goes on in the next table.
    """
    is_known, number, kept, undecided, since = carried
    for row in rows:
        if not is_known or row[0] != number:
            is_known, number, kept, undecided, since = 1, row[0], 0, 0, 0
        count = row[1]
        if row[3] == 1:
            kept += count
            since += count
            continue
        kept += row[2]
        row[2] += since
        since = 0
        row[6] = kept + count
        if kept + count > cap:
            row[5] = 2
        elif kept + undecided + count <= cap and row[4]:
            row[5] = 1
            kept += count
        else:
            row[5] = 1 if kept + undecided + count <= cap else 0
            undecided += count
    carried[0], carried[1], carried[2], carried[3], carried[4] = is_known, number, kept, undecided, since


@functools.cache
def _opinions() -> Callable[[int, Ints, Ints], None]:
    return compiled(_give_opinions)
