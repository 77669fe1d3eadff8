"""Equal keys meet in bounded memory, whatever one key holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pytest
from global_steps import Stored

from interloom.pipeline.exchange_rows import whole_keys
from interloom.stages._dedup import duplicates
from interloom.stages._dedup.duplicates import meet_equal_keys

ROWS_OF_A_TABLE = 20_000


class OneHeavyKey:
    """Rows of a single key with ids of 100 characters, made as they are read; it watches how much Arrow holds meanwhile."""

    def __init__(self, tables: int) -> None:
        self.tables, self.most = tables, 0
        self.count = tables * ROWS_OF_A_TABLE

    def read(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        ids, zeros = pa.array([f"{n:0100}" for n in range(ROWS_OF_A_TABLE)]), np.zeros(ROWS_OF_A_TABLE, np.int64)
        for number in range(self.tables):
            order = np.arange(number * ROWS_OF_A_TABLE, (number + 1) * ROWS_OF_A_TABLE)
            copied = pa.concat_arrays([ids, ids[:0]])
            yield pa.table(
                {"key": zeros.astype(np.uint64), "order": order, "part": zeros.astype(np.int32), "id": copied, "priority": zeros}
            ).select(columns)
            self.most = max(self.most, pa.total_allocated_bytes())


def test_the_memory_of_a_meet_does_not_grow_with_the_rows_of_a_key() -> None:
    most = []
    for tables in (20, 80):
        before, rows = pa.total_allocated_bytes(), OneHeavyKey(tables)
        assert sum(table.num_rows for table in meet_equal_keys(rows)) == rows.count - 1
        most.append(rows.most - before)
    assert most[1] < 1.2 * most[0]


def sorted_rows(keys: Sequence[int], priorities: Sequence[int], size: int) -> Stored:
    count = len(keys)
    table = pa.table(
        {
            "key": pa.array(keys, pa.uint64()),
            "order": pa.array(range(count), pa.int64()),
            "part": pa.array([0] * count, pa.int32()),
            "id": [f"{n}" for n in range(count)],
            "priority": pa.array(priorities, pa.int64()),
        }
    )
    return Stored(*(table.slice(first, size) for first in range(0, count, size)))


@pytest.mark.parametrize("size", [1, 2, 5, 100])
@pytest.mark.parametrize("most_rows", [1, 2, 100])
def test_the_first_of_the_highest_priority_stays(monkeypatch: pytest.MonkeyPatch, size: int, most_rows: int) -> None:
    monkeypatch.setattr(duplicates, "whole_keys", lambda tables: whole_keys(tables, most_rows))
    rows = sorted_rows([1, 2, 2, 2, 2, 3, 4, 4], [9, 0, 5, 1, 5, 0, 7, 7], size)
    found = pa.concat_tables(meet_equal_keys(rows)).to_pylist()
    assert {row["id"]: row["kept"] for row in found} == {"1": "2", "3": "2", "4": "2", "7": "6"}


def test_without_rows_nothing_is_dropped() -> None:
    assert list(meet_equal_keys(Stored())) == []
