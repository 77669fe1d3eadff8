"""Keys of numbers have their order exactly; draws are all different orders."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interloom.pipeline.execution.shuffle import with_order
from interloom.pipeline.store.exchange import range_of
from interloom.pipeline.store.merging import column
from interloom.schemas.document import Document
from interloom.schemas.table import to_table
from interloom.stages._dedup.duplicates import hash64
from interloom.stages._select import orders

NUMBERS = st.floats(allow_nan=False)
EDGES = [0.0, -0.0, 5e-324, 2.2e-308, 2.0**-32, 0.5, 1.0, 2.0, 2.0**31, 2.0**700, 1.7e308, float("inf")]


def places(numbers: list[float], *, highest_first: bool) -> list[tuple[int, int]]:
    keys, rests = orders.keys_of_numbers(np.array(numbers), highest_first=highest_first)
    return list(zip(keys.tolist(), rests.tolist(), strict=True))


def is_before(one: Any, other: Any) -> int:
    return (one < other) - (one > other)


@given(NUMBERS, NUMBERS)
def test_keys_have_the_order_of_their_numbers(one: float, other: float) -> None:
    first, second = places([one, other], highest_first=False)
    assert is_before(first, second) == is_before(one, other)


@given(NUMBERS, NUMBERS)
def test_keys_of_the_highest_first_have_the_opposite_order(one: float, other: float) -> None:
    first, second = places([one, other], highest_first=True)
    assert is_before(first, second) == is_before(other, one)


@pytest.mark.parametrize("highest_first", [False, True])
def test_zero_has_no_sign(highest_first: bool) -> None:
    below, negative, positive, above = places([-5e-324, -0.0, 0.0, 5e-324], highest_first=highest_first)
    assert negative == positive
    assert (below < negative < above) != highest_first


def next_up(number: float) -> float:
    return float(np.nextafter(number, np.inf))


@pytest.mark.parametrize("highest_first", [False, True])
def test_neighbours_among_floats_are_told_apart_at_all_exponents(highest_first: bool) -> None:
    edges = [*EDGES, *(-edge for edge in EDGES), *(struct.unpack("d", struct.pack("Q", e << 52))[0] for e in range(1, 2047))]
    for number in edges:
        first, second = places([number, next_up(number)], highest_first=highest_first)
        above = number < next_up(number)
        assert (first < second, first > second) == (above and not highest_first, above and highest_first)


def test_common_numbers_have_no_rest_and_no_rest_has_more_than_11_bits() -> None:
    random = np.random.default_rng(1)
    common = [*random.uniform(-1, 1, 100), *random.uniform(1, 1e9, 100), 2.0**-31, next_up(2.0**30)]
    assert {rest for _, rest in places(common, highest_first=False)} <= {0, 2047}
    assert {rest for _, rest in places([-number for number in common], highest_first=True)} <= {0, 2047}
    extreme = random.integers(0, 0x7FF << 52, 10_000).view(np.float64)
    rests = [rest for _, rest in places([*extreme, *-extreme], highest_first=False)]
    assert 1024 < max(rests) <= 2047


def test_scores_between_0_and_1_are_spread_over_ranges_of_keys() -> None:
    keys, _ = orders.keys_of_numbers(np.random.default_rng(2).uniform(0, 1, 100_000), highest_first=True)
    shares = np.bincount(range_of(keys, 0)) / len(keys)
    assert max(shares) < 0.13


def test_ties_are_ordered_by_their_rest_and_then_by_their_draw() -> None:
    rests = np.array([0, 0, 1, 2047, 2047], np.uint64)
    draws = np.array([1 << 12, (1 << 64) - 1, 0, 0, (1 << 64) - 1], np.uint64)
    found = orders.orders_of_ties(rests, draws)
    assert found.tolist() == [1, (1 << 52) - 1, 1 << 52, 2047 << 52, (1 << 63) - 1]


def ids(count: int) -> list[str]:
    return [f"doc-{number}" for number in range(count)]


def draws(seed: int, what: str) -> Any:
    return orders.drawn(np.array([hash64(f"{id_} -1") for id_ in ids(10_000)], np.uint64), seed, what)


def test_a_draw_is_the_same_again_and_another_for_another_seed_or_purpose() -> None:
    first = set(np.argsort(draws(7, "none"))[:1000])
    assert set(np.argsort(draws(7, "none"))[:1000]) == first
    for seed, what in ((8, "none"), (7, "domain")):
        assert 50 < len(first & set(np.argsort(draws(seed, what))[:1000])) < 150  # 100 are expected of independent draws


def test_what_is_drawn_first_is_spread_over_the_order_of_shards() -> None:
    docs = to_table([Document(id=id_) for id_ in ids(10_000)])
    places_in_shards = np.argsort(np.argsort(column(with_order(docs, 7, 0), "key")))
    drawn = places_in_shards[np.argsort(draws(7, "none"))[:1000]]
    assert np.histogram(drawn, bins=10, range=(0, 10_000))[0].min() > 60
