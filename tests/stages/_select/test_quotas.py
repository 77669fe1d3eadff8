"""Quotas by largest remainder."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interloom.stages._select.quotas import largest_total, quotas, shares

MANY = 1000


@pytest.mark.parametrize(
    ("share", "total", "found"),
    [
        ([1, 1, 1], 4, [2, 1, 1]),
        ([1, 2, 3], 6, [1, 2, 3]),
        ([41, 29, 17, 13], 10, [4, 3, 2, 1]),
        ([1, 0], 5, [5, 0]),
        ([1, 1], 0, [0, 0]),
    ],
)
def test_fractions_go_to_the_largest_remainders(share: list[int], total: int, found: list[int]) -> None:
    assert quotas([Fraction(of) for of in share], [MANY] * len(share), total) == found


@pytest.mark.parametrize(
    ("share", "most", "total", "found"),
    [
        ([1, 1], [2, 9], 8, [2, 6]),
        ([8, 1, 1], [3, 9, 4], 15, [3, 8, 4]),
        ([1, 1], [2, 3], 9, [2, 3]),
        ([1, 1], [0, 9], 4, [0, 4]),
    ],
)
def test_what_a_group_lacks_goes_to_the_others(share: list[int], most: list[int], total: int, found: list[int]) -> None:
    assert quotas([Fraction(of) for of in share], most, total) == found


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 50)), min_size=1, max_size=8), st.integers(0, 200))
def test_quotas_of_any_groups_fill_the_total_and_exceed_no_group(groups: list[tuple[int, int]], total: int) -> None:
    share, most = [Fraction(of) for of, _ in groups], [has for _, has in groups]
    found = quotas(share, most, total)
    assert all(0 <= own <= has for own, has in zip(found, most, strict=True))
    assert sum(found) == min(total, sum(has for of, has in groups if of))
    whole = sum(share)
    if whole and all(total * of <= has * whole for of, has in zip(share, most, strict=True)):
        assert all(abs(own - total * of / whole) < 1 for own, of in zip(found, share, strict=True))


@pytest.mark.parametrize(
    ("share", "most", "total"), [([1, 3], [5, 6], 8), ([1, 1], [4, 0], 4), ([0], [5], 0), ([2, 1], [4, 4], 6)]
)
def test_the_largest_total_keeps_shares(share: list[int], most: list[int], total: int) -> None:
    assert largest_total([Fraction(of) for of in share], most) == total


def test_a_temperature_makes_shares_more_equal() -> None:
    sizes = {"en": 10_000, "de": 100, "": 0}
    assert shares(sizes, None, 1) == sizes
    assert shares(sizes, None, 2) == {"en": 100, "de": 10, "": 0}


def test_weights_are_taken_as_written() -> None:
    assert shares({"en": 5, "de": 1}, {"en": 0.1, "fr": 2}, 1) == {"en": Fraction(1, 10), "de": 0, "fr": 2}
