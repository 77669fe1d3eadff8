"""Lets the documents of each group that are drawn first fill its quota, as often as they are to be repeated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from interloom.pipeline.exchange_rows import Ints, Keys, in_total_order, numbered
from interloom.pipeline.stage import Rows
from interloom.pipeline.store.merging import KEY, ORDER, column
from interloom.stages._select import reports
from interloom.stages._select.budgets import running_sums
from interloom.stages._select.draws import drawn_of, order_of, uniform
from interloom.stages._select.lookups import values_at
from interloom.stages._select.orders import drawn
from interloom.stages._select.sums import sums_of

COUNTS, QUOTAS, CUTS = "counts", "quotas", "cuts"
QUOTA = pa.schema(
    {"group": pa.uint64(), "name": pa.string(), "before": pa.int64(), "size_before": pa.int64(), "quota": pa.int64()}
)
"""A group with its documents, their size and its quota, which is a size."""
CUT = pa.schema({"group": pa.uint64(), ORDER: pa.int64(), "id": pa.string(), "taken": pa.int64(), "size_taken": pa.int64()})
"""The first document of a group, in the order of draws, that does not fit what its quota has beside whole repeats, and how many
are before it."""
COPIES = pa.schema({"part": pa.int32(), "id": pa.string(), "copies": pa.int64(), "draw": pa.float64(), "limit": pa.float64()})
"""A document that does not occur once."""


def send_counts(which: str, sketch: pa.Table) -> pa.Table:
    """Sends the documents and the size of each group of a sketch."""
    groups = column(sketch, "group")
    keys, [count, size] = sums_of(groups, [np.ones(len(groups), np.int64), column(sketch, "size")])
    _, firsts = np.unique(groups, return_index=True)
    return pa.table(
        {
            KEY: keys,
            ORDER: np.zeros(len(keys), np.int64),
            "name": sketch["name"].take(pa.array(firsts)),
            "count": count,
            "size": size,
        }
    )


def meet_counts(rows: Rows) -> Iterator[pa.Table]:
    """Yields each group with its documents and their size."""
    totals: dict[int, list[Any]] = {}
    for table in rows.read([KEY, "name", "count", "size"]):
        for group, name, count, size in zip(*(of.to_pylist() for of in table.columns), strict=True):
            total = totals.setdefault(group, [name, 0, 0])
            total[1], total[2] = total[1] + count, total[2] + size
    columns = [*totals], *zip(*totals.values(), strict=True)
    yield pa.table([pa.array(of, kind) for of, kind in zip(columns, QUOTA.types[:4], strict=True)], names=QUOTA.names[:4])


def send_to_one(which: str, counts: pa.Table) -> pa.Table:
    """Sends all groups to one place."""
    zeros = {KEY: np.zeros(counts.num_rows, np.uint64), ORDER: np.zeros(counts.num_rows, np.int64)}
    return pa.table([*zeros.values(), *counts.columns], names=[*zeros, *counts.column_names])


def orders(sketch: pa.Table, seed: int) -> Ints:
    """Returns the place of each document among those of its group."""
    return order_of(drawn(column(sketch, "draw"), seed, "mix"))


def send_members(sketch: pa.Table, seed: int) -> pa.Table:
    """Sends documents to those of their group, in the order of their draws."""
    columns = [sketch["group"], orders(sketch, seed), sketch["id"], sketch["size"]]
    return pa.table(columns, names=[KEY, ORDER, "id", "size"])


def repeats_of(quotas: pa.Table, groups: Keys) -> tuple[Ints, Ints]:
    """Returns how often all documents of each group occur, and what is left of its quota for the first ones."""
    quota, size = (values_at(quotas, "group", name, groups) for name in ("quota", "size_before"))
    whole = quota // np.maximum(size, 1)
    return whole, quota - whole * size


def meet_members(rows: Rows, shared: Mapping[str, pa.Table]) -> Iterator[pa.Table]:
    """Yields tables CUT, with a row for each group: what all documents fit is a whole repeat."""
    last: tuple[Any, bool] = (None, False)
    ordered = (
        table.append_column("number", pa.array(numbers)) for table, numbers in numbered(in_total_order(rows.read(), ("id",)))
    )
    for table, running in running_sums(ordered):
        groups = column(table, KEY)
        _, rest = repeats_of(shared[QUOTAS], groups)
        is_over = (running > rest) | (rest == 0)
        goes_on = np.concatenate([[last[0] == groups[0] and last[1]], is_over[:-1] & (groups[1:] == groups[:-1])])
        cut = pa.array(is_over & ~goes_on)
        size_taken = pa.array(running - column(table, "size"))
        columns = [table[KEY], table[ORDER], table["id"], table["number"], size_taken]
        yield pa.table(columns, schema=CUT).filter(cut)
        last = groups[-1], bool(is_over[-1])


def send_quotas(which: str, quotas: pa.Table, shared: Mapping[str, pa.Table]) -> pa.Table:
    """Sends each group on."""
    columns = [quotas["group"], np.zeros(quotas.num_rows, np.int64), *quotas.columns[1:]]
    return pa.table(columns, names=[KEY, ORDER, *quotas.column_names[1:]])


def meet_quotas(rows: Rows, shared: Mapping[str, pa.Table]) -> Iterator[pa.Table]:
    """Yields each group before and after, as `reports.GROUPS`, with sizes and quota."""
    for table in rows.read():
        groups = column(table, KEY)
        before, size, quota = (column(table, name) for name in ("before", "size_before", "quota"))
        whole, has = quota // np.maximum(size, 1), before > 0
        taken, size_taken = np.zeros_like(before), np.zeros_like(before)
        for own, name in ((taken, "taken"), (size_taken, "size_taken")):
            own[has] = values_at(shared[CUTS], "group", name, groups[has])
        after = [before, whole * before + taken, size, whole * size + size_taken, quota]
        names = [*reports.GROUPS.names, "size_before", "size_after", "quota"]
        yield pa.table([table[KEY], table["name"], *after], names=names)


def send_copies(sketch: pa.Table, shared: Mapping[str, pa.Table], seed: int) -> pa.Table:
    """Sends documents that do not occur once."""
    groups, order = column(sketch, "group"), orders(sketch, seed)
    whole, _ = repeats_of(shared[QUOTAS], groups)
    cut = values_at(shared[CUTS], "group", ORDER, groups)
    is_first = order < cut
    same = np.flatnonzero(order == cut)
    ids = column(sketch.take(pa.array(same)), "id")
    is_first[same] = ids < values_at(shared[CUTS], "group", "id", groups[same])
    limits = uniform(drawn_of(cut))
    copies = whole + is_first
    draws = uniform(drawn(column(sketch, "draw"), seed, "mix"))
    columns = [sketch["group"], pa.array(order), sketch["part"], sketch["id"], copies, draws, limits]
    return pa.table(columns, names=[KEY, ORDER, *COPIES.names]).filter(pa.array(copies != 1))


def meet_copies(rows: Rows, shared: Mapping[str, pa.Table]) -> Iterator[pa.Table]:
    """Yields tables COPIES."""
    yield from rows.read(COPIES.names)


def members(sketch: pa.Table) -> pa.Table:
    """Returns what is in groups in a sketch, for examples."""
    positions = pa.array(np.full(sketch.num_rows, -1, np.int32))
    return sketch.select(["group", "draw", "id"]).append_column("position", positions)
