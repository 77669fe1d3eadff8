"""Reports on groups before and after a selection: how evenly things lie in groups, the largest and smallest groups, examples.

A step has a result with the columns GROUPS, and `report_exchanges` gives the exchanges that make reports of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pyarrow as pa

from interloom.pipeline.exchange_rows import in_total_order, numbered
from interloom.pipeline.stage import Exchange, Rows
from interloom.pipeline.store.merging import KEY, ORDER, column
from interloom.stages._dedup.duplicates import indices_in

GROUPS = pa.schema({"group": pa.uint64(), "name": pa.string(), "before": pa.int64(), "after": pa.int64()})
"""A group: a hash of its name, the name, and how many there are in it before and after the selection."""
EVENNESS = pa.schema(
    {"when": pa.string(), "groups": pa.int64(), "items": pa.int64(), "entropy": pa.float64(), "gini": pa.float64()}
)
"""How evenly items lie in groups before or after: groups that are not empty, items in them, the entropy in bits, and the Gini
coefficient over all groups that are not empty before."""
EXTREMES = pa.schema({"place": pa.string(), "rank": pa.int64(), **{field.name: field.type for field in GROUPS}})
"""The largest groups ("top") and the smallest of the others ("bottom") before the selection, ranked from 1."""
EXAMPLES = pa.schema({"group": pa.uint64(), "name": pa.string(), "id": pa.string(), "position": pa.int32()})
"""Some of what is in the largest and smallest groups before the selection."""
NAMES = ("evenness", "extremes", "examples")
MOST_EXTREMES = 20
MOST_EXAMPLES = 5
"""Of each group. Our choice."""

Members = Callable[[pa.Table], pa.Table]
"""Gives the columns group, draw, id and position of what is in groups in a sketch."""


def report_exchanges(reads: str, members: Members) -> tuple[Exchange, ...]:
    """Returns the exchanges whose results are reports, named NAMES.

    Parameters:
        reads: The name of the exchange whose result has the columns GROUPS.
        members: What is in groups in a sketch; examples are those with the least draws.
    """

    def send_examples(which: str, sketch: pa.Table, shared: Mapping[str, pa.Table]) -> pa.Table:
        return _send_examples(members(sketch), shared["extremes"])

    return (
        Exchange(name="evenness", reads=(reads,), send=_send_counts, meet=_meet_evenness, params=()),
        Exchange(name="extremes", reads=(reads,), send=_send_groups, meet=_meet_extremes, params=()),
        Exchange(name="examples", reads=("sketch",), send=send_examples, meet=_meet_examples, shared=("extremes",), params=()),
    )


def _send_counts(which: str, groups: pa.Table) -> pa.Table:
    """Sends the counts before to key 0, the counts after to key 1."""
    keys = np.repeat(np.arange(2, dtype=np.uint64), groups.num_rows)
    counts = np.concatenate([column(groups, name) for name in ("before", "after")])
    return pa.table({KEY: pa.array(keys), ORDER: pa.array(counts)})


def _meet_evenness(rows: Rows) -> Iterator[pa.Table]:
    """Yields EVENNESS of each key. Of counts only their frequencies are held, so that sums depend on nothing but them."""
    frequencies: dict[int, dict[int, int]] = {}
    for table in rows.read([KEY, ORDER]):
        for key in np.unique(column(table, KEY)):
            counts, times = np.unique(column(table, ORDER)[column(table, KEY) == key], return_counts=True)
            own = frequencies.setdefault(int(key), {})
            for count, number in zip(counts.tolist(), times.tolist(), strict=True):
                own[count] = own.get(count, 0) + number
    lines = [{"when": ("before", "after")[key], **evenness(own)} for key, own in sorted(frequencies.items())]
    yield pa.Table.from_pylist(lines, EVENNESS)


def evenness(frequencies: Mapping[int, int]) -> dict[str, float]:
    """Returns the columns of EVENNESS but `when`.

    Parameters:
        frequencies: How many groups have how many items: {3: 2} are two groups of three.
    """
    ordered = sorted(frequencies.items())
    groups, items = sum(frequencies.values()), sum(count * times for count, times in ordered)
    logs = math.fsum(times * count * math.log2(count) for count, times in ordered if count)
    before, weighted = 0, 0
    for count, times in ordered:
        weighted += count * times * (2 * before + times - groups)
        before += times
    entropy, gini = (math.log2(items) - logs / items, weighted / (groups * items)) if items else (0.0, 0.0)
    return {"groups": groups - frequencies.get(0, 0), "items": items, "entropy": entropy, "gini": gini}


def _send_groups(which: str, groups: pa.Table) -> pa.Table:
    """Sends the largest and the smallest groups of a table, in the order of their counts before."""
    ordered = groups.select(GROUPS.names).sort_by([("before", "ascending"), ("group", "ascending")])
    if ordered.num_rows > 2 * MOST_EXTREMES:
        ordered = pa.concat_tables([ordered.slice(0, MOST_EXTREMES), ordered.slice(ordered.num_rows - MOST_EXTREMES)])
    keys = pa.array(np.zeros(ordered.num_rows, np.uint64))
    return pa.table([keys, ordered["before"], *ordered.columns], names=[KEY, ORDER, *GROUPS.names])


def _meet_extremes(rows: Rows) -> Iterator[pa.Table]:
    ordered = [table.select(GROUPS.names) for table in in_total_order(rows.read(), ["group"])]
    table = pa.concat_tables(ordered)
    top = min(MOST_EXTREMES, table.num_rows)
    bottom = min(MOST_EXTREMES, table.num_rows - top)
    extremes = [("top", n + 1, table.num_rows - 1 - n) for n in range(top)] + [("bottom", n + 1, n) for n in range(bottom)]
    rows_of = table.take(pa.array([place for _, _, place in extremes], pa.int64()))
    columns = [pa.array([name for name, _, _ in extremes], pa.string()), pa.array([rank for _, rank, _ in extremes], pa.int64())]
    yield pa.table([*columns, *rows_of.columns], schema=EXTREMES)


def _send_examples(members: pa.Table, extremes: pa.Table) -> pa.Table:
    """Sends the members of the groups in `extremes` with the least draws of a table."""
    names = ("group", "draw", "id", "position")
    if not extremes.num_rows:
        return pa.table({KEY: pa.array([], pa.uint64()), ORDER: pa.array([], pa.int64())})
    wanted = pa.array(indices_in(np.sort(column(extremes, "group")), column(members, "group")) >= 0)
    some = members.select(names).filter(wanted)
    draws = column(some, "draw").view(np.int64)
    place = np.lexsort((draws, column(some, "group")))
    groups = column(some, "group")[place]
    starts = np.flatnonzero(np.concatenate([np.ones(min(1, len(place)), np.bool_), groups[1:] != groups[:-1]]))
    numbers = np.arange(len(place)) - np.repeat(starts, np.diff(starts, append=len(place)))
    first = some.take(pa.array(place[numbers < MOST_EXAMPLES]))
    orders = pa.array(column(first, "draw").view(np.int64))
    return pa.table([first["group"], orders, first["id"], first["position"]], names=[KEY, ORDER, "id", "position"])


def _meet_examples(rows: Rows, shared: Mapping[str, pa.Table]) -> Iterator[pa.Table]:
    names = dict(zip(shared["extremes"]["group"].to_pylist(), shared["extremes"]["name"].to_pylist(), strict=True))
    for table, numbers in numbered(in_total_order(rows.read(), ("id", "position"))):
        some = table.filter(pa.array(numbers < MOST_EXAMPLES))
        named = pa.array([names[group] for group in some[KEY].to_pylist()], pa.string())
        yield pa.table([some[KEY], named, some["id"], some["position"]], schema=EXAMPLES)
