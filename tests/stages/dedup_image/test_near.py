"""Laws of the search for hashes within a distance."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pytest
from global_steps import Stored

from interloom.pipeline.store.merging import sorted_rows
from interloom.stages.dedup_image import near

ALL = (1 << 64) - 1


def counted(hashes: list[int]) -> pa.Table:
    """Hash n occurs n + 1 times, first at node 100 - n."""
    numbers = np.arange(len(hashes))
    columns = [pa.array(hashes, pa.uint64()), pa.array(np.zeros(len(hashes), np.uint64)), numbers + 1, 100 - numbers]
    return pa.table(columns, names=["hash", "scope", "count", "first"])


def clustered(count: int) -> list[int]:
    """Different hashes, most of them some bits from one of three."""
    chance, found = random.Random(5), set[int]()
    centres = [chance.getrandbits(64) for _ in range(3)]
    while len(found) < count:
        bits = sum(1 << place for place in chance.sample(range(64), chance.randrange(7)))
        found.add(chance.choice([*centres, chance.getrandbits(64)]) ^ bits)
    return sorted(found)


def neighbours(hashes: list[int], distance: int, size: int = 1000, most_rows: int = 1000) -> dict[int, tuple[int, int]]:
    """Of each hash the sum of the counts of its neighbours and the least of their nodes, found in tables of so many rows."""
    rows = sorted_rows(near.send_to_blocks(counted(hashes), distance))
    stored = Stored(*(rows.slice(first, size) for first in range(0, len(rows), size)))
    found: dict[int, tuple[int, int]] = {}
    for table in near.meet_in_blocks(stored, distance, most_rows):
        for row in table.to_pylist():
            count, first = found.get(row["hash"], (0, 1000))
            found[row["hash"]] = count + row["count"], min(first, row["first"])
    return found


def compared_with_all(hashes: list[int], distance: int) -> dict[int, tuple[int, int]]:
    found = {}
    for one in hashes:
        near_ones = [n for n, other in enumerate(hashes) if other != one and (one ^ other).bit_count() <= distance]
        if near_ones:
            found[one] = sum(n + 1 for n in near_ones), min(100 - n for n in near_ones)
    return found


@pytest.mark.parametrize("distance", range(1, 11))
def test_each_pair_within_the_distance_counts_once(distance: int) -> None:
    hashes = clustered(90)
    assert neighbours(hashes, distance) == compared_with_all(hashes, distance) != {}


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize("most_rows", [1, 5, 1000])
def test_a_key_may_go_on_in_any_number_of_tables(size: int, most_rows: int) -> None:
    hashes = clustered(60)
    assert neighbours(hashes, 4, size, most_rows) == compared_with_all(hashes, 4)


@pytest.mark.parametrize("distance", [1, 2, 4, 10])
@pytest.mark.parametrize("factor", [1, 1 << 40, 0x9E3779B97F4A7C15], ids=["low bits", "high bits", "all bits"])
def test_large_buckets_are_divided(monkeypatch: pytest.MonkeyPatch, distance: int, factor: int) -> None:
    monkeypatch.setattr(near, "_LARGE", 1)
    hashes = [n * factor & ALL for n in range(100)]
    assert neighbours(hashes, distance) == compared_with_all(hashes, distance)


def test_a_pair_in_several_parts_of_a_divided_bucket_counts_once() -> None:
    chance = random.Random(2)
    hashes = [one ^ changed for one in (chance.getrandbits(64) for _ in range(near._LARGE)) for changed in (0, 1, 1 << 63)]
    rows, ones = np.arange(len(hashes)), np.ones(len(hashes), np.int64)
    search = near.Neighbours.of(np.array(hashes, np.uint64), ones, rows, 3)
    search.add(rows, np.zeros(len(hashes), np.uint64), (), ALL)
    assert search.sums.tolist() == [2] * len(hashes)
    assert search.leasts.tolist() == [3 * (n // 3) + (n % 3 == 0) for n in range(len(hashes))]


@pytest.mark.parametrize("distance", [0, 1, 3, 10])
def test_earlier_neighbours_are_found_among_equal_and_other_hashes(distance: int) -> None:
    hashes = [*clustered(60), *clustered(20)]
    random.Random(1).shuffle(hashes)
    expected = [any((one ^ other).bit_count() <= distance for other in hashes[:n]) for n, one in enumerate(hashes)]
    assert near.have_earlier_neighbours(hashes, distance) == expected
    assert near.have_earlier_neighbours([], distance) == []


@pytest.mark.parametrize("distance", range(1, 11))
def test_the_blocks_of_a_hash_have_different_keys(distance: int) -> None:
    sent = near.send_to_blocks(counted([0]), distance)
    assert len(set(sent["key"].to_pylist())) == len(sent) == distance + 1


def test_a_bucket_is_divided_only_if_that_leaves_fewer_pairs() -> None:
    compared = 0

    class Counting(near.Neighbours):
        __slots__ = ()

        def _compare(self, rows: np.ndarray, starts: np.ndarray, stops: np.ndarray, unequal: object) -> None:  # type: ignore[override]
            nonlocal compared
            compared += int(((stops - starts) ** 2).sum())

    count = near._LARGE + 200
    spread_out = np.random.default_rng(3).integers(0, 1 << 63, count, dtype=np.uint64)
    for hashes, most in ((spread_out, count**2 / 20), (np.arange(count, dtype=np.uint64), count**2)):
        compared = 0
        search = Counting.of(hashes, np.ones(count, np.int64), np.arange(count), 3)
        search.add(np.arange(count), np.zeros(count, np.uint64), (), ALL)
        assert 0 < compared <= most


@pytest.mark.parametrize("count", range(1, 12))
def test_blocks_divide_the_bits(count: int) -> None:
    blocks = near.blocks_of(ALL, count)
    assert sum(blocks) == ALL
    assert {block.bit_count() for block in blocks} <= {64 // count, 64 // count + 1}


def test_blocks_divide_some_bits() -> None:
    assert near.blocks_of(0b11011, 2) == [0b11, 0b11000]
    assert near.blocks_of(0b1, 2) == [0, 0b1]


def test_bits_are_counted() -> None:
    numbers = [0, 1, ALL, 1 << 63, 0x0123456789ABCDEF, *(1 << n for n in range(64))]
    assert near.bit_count(np.array(numbers, np.uint64)).tolist() == [number.bit_count() for number in numbers]
