"""Reports on groups: evenness, the largest and smallest, examples."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from global_steps import result

from interloom.stages._select.entry_draws import tail_share, tail_threshold
from interloom.stages._select.reports import GROUPS, evenness, report_exchanges

GROUP_COUNT = 100


def groups(before: Sequence[int], after: Sequence[int]) -> list[pa.Table]:
    """Tables of seven groups each; their keys spread over all keys."""
    keys = [n * (1 << 64) // len(before) for n in range(len(before))]
    rows = pa.table([keys, [f"group {n}" for n in range(len(before))], before, after], schema=GROUPS)
    return [rows.slice(first, 7) for first in range(0, rows.num_rows, 7)]


def members(sketch: pa.Table) -> pa.Table:
    return sketch


@pytest.mark.parametrize(
    ("frequencies", "entropy", "gini"),
    [
        ({4: 8}, 3.0, 0.0),
        ({1: 1, 3: 1}, 0.811278, 0.25),
        ({0: 3, 10: 1}, 0.0, 0.75),
        ({1: 2, 2: 1, 4: 1}, 1.75, 0.3125),
        ({0: 5}, 0.0, 0.0),
        ({}, 0.0, 0.0),
    ],
)
def test_evenness_is_told_by_entropy_and_gini(frequencies: dict[int, int], entropy: float, gini: float) -> None:
    found = evenness(frequencies)
    assert (round(found["entropy"], 6), found["gini"]) == (entropy, gini)


@pytest.mark.parametrize("partitions", [1, 7])
def test_the_twenty_largest_and_smallest_groups_are_shown(partitions: int) -> None:
    before = np.random.default_rng(1).permutation(GROUP_COUNT).tolist()
    _, extremes, _ = report_exchanges("groups", members)
    rows = pa.concat_tables(result(extremes, {"groups": groups(before, before), "sketch": []}, partitions)).to_pylist()
    assert [(row["place"], row["rank"], row["before"]) for row in rows] == [
        *(("top", n + 1, GROUP_COUNT - 1 - n) for n in range(20)),
        *(("bottom", n + 1, n) for n in range(20)),
    ]
    assert all(row["name"] == f"group {before.index(row['before'])}" for row in rows)


@pytest.mark.parametrize("partitions", [1, 7])
def test_evenness_is_told_before_and_after_however_groups_are_divided(partitions: int) -> None:
    exchange, _, _ = report_exchanges("groups", members)
    before, after = [2**n for n in range(12)], [2] * 11 + [0]
    rows = pa.concat_tables(result(exchange, {"groups": groups(before, after), "sketch": []}, partitions)).to_pylist()
    assert [(row["when"], row["groups"], row["items"]) for row in rows] == [("before", 12, 4095), ("after", 11, 22)]
    assert rows[1]["entropy"] == pytest.approx(math.log2(11))


@pytest.mark.parametrize("partitions", [1, 7])
def test_examples_are_a_few_of_each_group_with_the_least_draws(partitions: int) -> None:
    _, extremes, examples = report_exchanges("groups", members)
    stored = {"groups": groups([30, 3], [3, 3])}
    shown = result(extremes, {**stored, "sketch": []})
    keys = stored["groups"][0]["group"].to_pylist()
    sketches = [
        pa.table(
            {
                "group": pa.array([keys[0]] * 10 + [keys[1]], pa.uint64()),
                "draw": pa.array([*range(part, 40, 4), 50 + part], pa.uint64()),
                "id": [f"{n}" for n in (*range(part, 40, 4), 50 + part)],
                "position": pa.array([-1] * 11, pa.int32()),
            }
        )
        for part in range(3)
    ]
    rows = pa.concat_tables(result(examples, {**stored, "extremes": shown, "sketch": sketches}, partitions)).to_pylist()
    assert Counter(row["name"] for row in rows) == {"group 0": 5, "group 1": 3}
    assert {row["id"] for row in rows if row["name"] == "group 0"} == {"0", "1", "2", "4", "5"}


def test_the_tail_has_entries_with_fewer_matches_than_t() -> None:
    counts = np.array([4, 1, 2, 1])
    assert [tail_share(counts, t) for t in (1, 2, 3, 5)] == [0.0, 0.25, 0.5, 1.0]
    assert [tail_threshold(counts, share) for share in (0.0, 0.25, 0.5, 1.0)] == [1, 1, 2, 4]
