"""What authors of global steps get: batches of whole keys, counts of keys, a strict order, nodes, keys of parts."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from interloom.pipeline.exchange_rows import (
    frequent_keys,
    in_total_order,
    key_counts,
    keys_of_parts,
    numbered,
    pieces_of_keys,
    whole_keys,
    with_nodes,
)


def rows(*keys: int) -> pa.Table:
    return pa.table({"key": pa.array(keys, pa.uint64()), "order": pa.array(range(len(keys)), pa.int64())})


def batches(table: pa.Table, size: int, most_rows: int) -> list[list[int]]:
    """The `order` of the rows in each batch, when the table comes in pieces of `size`."""
    pieces = (table.slice(first, size) for first in range(0, table.num_rows, size))
    return [batch["order"].to_pylist() for batch in whole_keys(pieces, most_rows)]


def test_a_key_is_not_split_among_batches() -> None:
    assert batches(rows(1, 2, 2, 3, 3, 4), 1, 3) == [[0], [1, 2], [3, 4], [5]]


def test_a_key_with_too_many_rows_comes_in_pieces_that_begin_with_its_first_row() -> None:
    assert batches(rows(1, 2, 2, 2, 2, 2, 2, 2, 5), 2, 3) == [[0], [1, 2, 3, 4, 5], [1, 6, 7], [8]]


def test_no_rows_make_no_batches() -> None:
    assert batches(rows(), 1, 3) == list(whole_keys([rows()], 3)) == []


@pytest.mark.parametrize("most_keys", [2, 10, 50])
def test_any_rows_come_once_in_order_in_bounded_batches(most_keys: int) -> None:
    random = np.random.default_rng(most_keys)
    for _ in range(100):
        keys = np.sort(random.integers(0, most_keys, random.integers(0, 60)))
        most_rows, size = int(random.integers(1, 9)), int(random.integers(1, 12))
        seen: list[int] = []
        for batch in batches(rows(*keys.tolist()), size, most_rows):
            assert len(batch) <= 2 * most_rows
            goes_on = bool(seen) and keys[batch[-1]] == keys[seen[-1]]
            assert not goes_on or (
                batch[0] == np.searchsorted(keys, keys[batch[-1]]) and (keys == keys[batch[-1]]).sum() > most_rows
            )
            seen += batch[1:] if goes_on else batch
        assert seen == list(range(len(keys)))


def test_a_node_is_a_part_and_a_row() -> None:
    assert with_nodes(pa.table({"id": ["a", "b"]}), 3).to_pydict() == {
        "id": ["a", "b"],
        "part": [3, 3],
        "node": [3 << 40, (3 << 40) + 1],
    }


@pytest.mark.parametrize("of", [1, 2, 7, 64, 1_000_003])
def test_parts_are_spread_over_all_keys(of: int) -> None:
    parts = np.unique([0, 1 % of, of // 2, of - 1])
    assert keys_of_parts(parts, of).tolist() == [(int(part) << 64) // of for part in parts]


def pieces(table: pa.Table, size: int) -> list[pa.Table]:
    """The table in pieces of `size`, with an empty one between them."""
    return [table.slice(first, rows) for first in range(0, table.num_rows, size) for rows in (size, 0)]


@pytest.mark.parametrize("size", [1, 2, 3, 50])
def test_rows_are_numbered_in_their_key_over_all_tables(size: int) -> None:
    found = numbered(pieces(rows(1, 2, 2, 2, 2, 3, 4, 4), size))
    assert [number for table, numbers in found for number in numbers] == [0, 0, 1, 2, 3, 0, 0, 1]


@pytest.mark.parametrize("size", [1, 2, 3, 50])
def test_keys_are_counted_once_each_over_all_tables(size: int) -> None:
    found = list(key_counts(pieces(rows(1, 2, 2, 2, 2, 3, 4, 4), size)))
    counted = [pair for keys, counts in found for pair in zip(keys.tolist(), counts.tolist(), strict=True)]
    assert counted == [(1, 1), (2, 4), (3, 1), (4, 2)]


@pytest.mark.parametrize("size", [1, 2, 3, 50])
def test_frequent_keys_are_those_with_enough_rows_in_all_tables(size: int) -> None:
    for at_least, expected in ((1, {1: 1, 2: 4, 3: 1, 4: 2}), (2, {2: 4, 4: 2}), (3, {2: 4}), (5, {})):
        keys, counts = frequent_keys(pieces(rows(1, 2, 2, 2, 2, 3, 4, 4), size), at_least)
        assert dict(zip(keys.tolist(), counts.tolist(), strict=True)) == expected


def test_without_rows_no_key_is_counted_and_no_row_numbered() -> None:
    assert list(key_counts([rows()])) == list(numbered([rows()])) == list(in_total_order([rows()], ["order"])) == []


@pytest.mark.parametrize("size", [1, 2, 3, 50])
def test_rows_of_the_same_key_and_order_are_sorted_by_what_they_say(size: int) -> None:
    table = pa.table({"key": pa.array([1, 2, 2, 2, 2, 3], pa.uint64()), "order": [0, 4, 5, 5, 5, 5], "id": [*"azcyba"]})
    found = [id_ for some in in_total_order(pieces(table, size), ["id"]) for id_ in some["id"].to_pylist()]
    assert found == ["a", "z", "b", "c", "y", "a"]


def test_each_key_comes_once_with_all_its_rows() -> None:
    pieces = (rows(3, 5, 5, 5, 9).slice(first, 2) for first in range(0, 5, 2))
    found = [(key, [table["order"].to_pylist() for table in tables]) for key, tables in pieces_of_keys([rows(), *pieces])]
    assert found == [(3, [[0]]), (5, [[1], [2, 3]]), (9, [[4]])]
