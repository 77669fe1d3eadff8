"""Ranks among all rows and in groups, against counting by hand, however rows are divided into tables and ranges."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from global_steps import Stored

from interloom.stages._select import ranks
from interloom.stages._select.ranks import Limit

ROWS_OF_A_TABLE = 20_000


def rows(keys: Sequence[int]) -> pa.Table:
    count = len(keys)
    return pa.table(
        {
            "key": pa.array(keys, pa.uint64()),
            "order": pa.array(range(count), pa.int64()),
            "part": pa.array([0] * count, pa.int32()),
            "id": [f"{n}" for n in range(count)],
            "position": pa.array([-1] * count, pa.int32()),
            "group": pa.array([key % 3 for key in keys], pa.uint64()),
            "size": pa.array([7] * count, pa.int64()),
        }
    )


def ranges(table: pa.Table, size: int, cuts: Sequence[int] = ()) -> Iterator[Stored]:
    """The rows in ranges that end at `cuts`, in tables of `size`."""
    for first, after in zip([0, *cuts], [*cuts, table.num_rows], strict=True):
        tables = [table.slice(at, min(size, after - at)) for at in range(first, after, size)]
        yield Stored(*tables, before=first, total=table.num_rows)


def told(results: Any) -> dict[str, Any]:
    """By id what the rows say besides: (rank, limit) or (group, size, rank)."""
    tables = [table for result in results for table in result]
    found = [row for table in tables for row in table.to_pylist()]
    said = {row.pop("id"): tuple(value for name, value in row.items() if name not in ("part", "position")) for row in found}
    assert len(said) == len(found)
    return said


@pytest.mark.parametrize(("share", "kept"), [(0.3, [1, 1, 1, 2, 3, 4]), (0.07, [1, 1, 1, 1, 1, 1]), (1.0, [1, 2, 3, 4, 10, 11])])
def test_a_share_is_rounded_up(share: float, kept: list[int]) -> None:
    assert Limit(share=share).of(np.array([1, 2, 3, 4, 10, 11])).tolist() == kept


def test_a_share_is_as_written_in_decimals() -> None:
    assert math.ceil(0.07 * 100) == 8
    assert Limit(share=0.07).of(np.array([100, 101, 100])).tolist() == [7, 8, 7]
    assert Limit(share=1e-07).of(np.array([10**7, 10**7 + 1, 9 * 10**18])).tolist() == [1, 2, 9 * 10**11]


@pytest.mark.parametrize("size", [1, 3, 100])
@pytest.mark.parametrize("cuts", [[], [4], [1, 1, 9]])
def test_all_but_the_first_of_all_rows_are_behind(size: int, cuts: list[int]) -> None:
    table = rows(range(10))
    found = told(ranks.behind_all(some, Limit(at_most=6)) for some in ranges(table, size, cuts))
    assert found == {"6": (7, 6), "7": (8, 6), "8": (9, 6), "9": (10, 6)}
    found = told(ranks.behind_all(some, Limit(share=0.75)) for some in ranges(table, size, cuts))
    assert found == {"8": (9, 8), "9": (10, 8)}


def test_a_range_that_is_kept_whole_is_not_read() -> None:
    class Unread(Stored):
        def read(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
            raise AssertionError("it was read")

    assert list(ranks.behind_all(Unread(rows(range(5)), before=1, total=100), Limit(at_most=6))) == []


@pytest.mark.parametrize("cuts", [[], [4], [1, 1, 9]])
def test_each_row_learns_its_rank_among_all(cuts: list[int]) -> None:
    table = rows(range(10))
    assert told(map(ranks.rank_all, ranges(table, 3, cuts))) == {f"{n}": (n % 3, 7, n) for n in range(10)}


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_all_but_the_first_of_each_group_are_behind(size: int) -> None:
    table = rows([1, 2, 2, 2, 2, 2, 3, 4, 4])
    [some] = ranges(table, size)
    assert told([ranks.behind_in_groups(some, Limit(at_most=2))]) == {"3": (3, 2), "4": (4, 2), "5": (5, 2)}
    found = told([ranks.behind_in_groups(some, Limit(share=0.5))])
    assert found == {"4": (4, 3), "5": (5, 3), "8": (2, 1)}


@pytest.mark.parametrize("limit", [Limit(at_most=1), Limit(at_most=3), Limit(share=0.3), Limit(share=0.99), Limit(share=1.0)])
def test_any_groups_keep_their_first_rows(limit: Limit) -> None:
    random = np.random.default_rng(5)
    for _ in range(40):
        keys = sorted(random.zipf(1.7, random.integers(0, 80)).clip(0, 20).tolist())
        sizes, seen = Counter(keys), Counter[int]()
        expected = {}
        for number, key in enumerate(keys):
            seen[key] += 1
            most = limit.at_most or math.ceil(round(limit.share * sizes[key], 9)) if limit.share else limit.at_most
            assert most is not None
            expected |= {f"{number}": (seen[key], most)} if seen[key] > most else {}
        [some] = ranges(rows(keys), int(random.integers(1, 9)))
        assert told([ranks.behind_in_groups(some, limit)]) == expected


@pytest.mark.parametrize("cuts", [[], [1], [4, 5, 9]])
@pytest.mark.parametrize("size", [1, 2, 100])
def test_quantiles_are_rows(size: int, cuts: list[int]) -> None:
    shares = [0.001, 0.1, 0.11, 0.5, 0.999, 1.0]
    found = [table for some in ranges(rows(range(10)), size, cuts) for table in ranks.at_quantiles(some, shares)]
    rows_found = pa.concat_tables(found).to_pylist()
    assert [(row["share"], row["id"]) for row in rows_found] == list(zip(shares, ["0", "0", "1", "4", "9", "9"], strict=True))


@pytest.mark.parametrize("limit", [Limit(at_most=5), Limit(share=0.5)])
def test_the_memory_for_a_group_does_not_grow_with_its_rows(limit: Limit) -> None:
    class OneGroup(Stored):
        most = 0

        def read(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
            for number in range(self.before):
                order = pa.array(np.arange(ROWS_OF_A_TABLE) + number * ROWS_OF_A_TABLE)
                yield rows([7] * ROWS_OF_A_TABLE).set_column(1, "order", order).select(columns)
                self.most = max(self.most, pa.total_allocated_bytes())

    most = []
    for tables in (10, 40):
        before, group = pa.total_allocated_bytes(), OneGroup(before=tables)
        count = sum(table.num_rows for table in ranks.behind_in_groups(group, limit))
        kept = limit.of(np.array([tables * ROWS_OF_A_TABLE]))[0]
        assert count == tables * ROWS_OF_A_TABLE - kept
        most.append(group.most - before)
    assert most[1] < 1.2 * most[0]
