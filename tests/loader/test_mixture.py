"""Mixtures: exact counts, shares that hold at any time, and other samples in every epoch."""

from __future__ import annotations

import numpy as np
import pytest

from interloom.loader.mixture import BLOCK, Mixture, Source, counts_of
from interloom.pipeline.errors import ConfigError


def source(**values: float) -> Source:
    return Source(url="s", **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("sources", "counts"),
    [
        ([source(), source()], [100, 40]),
        ([source(cap=30), source(epochs=2.5)], [30, 100]),
        ([source(weight=1), source(weight=1)], [40, 40]),
        ([source(weight=3), source(weight=1)], [100, 33]),
        ([source(weight=1, cap=10), source(weight=1, epochs=2)], [10, 10]),
        ([source(weight=1), source(weight=3, epochs=2)], [27, 80]),
    ],
)
def test_sources_give_as_many_as_weights_caps_and_epochs_say(sources: list[Source], counts: list[int]) -> None:
    assert counts_of(sources, [100, 40]) == counts


@pytest.mark.parametrize(
    ("sources", "problem"),
    [
        ([source(weight=1), source()], "mixture: s needs a weight above 0, as others have one"),
        ([source(weight=1), source(weight=-1)], "mixture: s needs a weight above 0, as others have one"),
        ([source(weight=1), source(weight="2")], "mixture: s needs a weight above 0, as others have one"),
        ([source(epochs="2"), source()], "mixture: s: epochs and cap must be above 0; epochs is finite, cap an integer"),
        ([source(epochs=0), source()], "mixture: s: epochs and cap must be above 0"),
        ([source(epochs=float("inf")), source()], "mixture: s: epochs and cap must be above 0; epochs is finite, cap an integer"),
        ([source(cap=10.5), source()], "mixture: s: epochs and cap must be above 0; epochs is finite, cap an integer"),
        ([source(weight=float("inf")), source(weight=1)], "mixture: s needs a weight above 0"),
        ([source(weight=1000), source(weight=1)], "mixture: s gives no sample: s has 100 to give, and its weight is 1 to 1000"),
    ],
)
def test_what_does_not_go_together_is_refused(sources: list[Source], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        counts_of(sources, [100, 40])


@pytest.mark.parametrize("key", [None, 5])
def test_each_source_gives_exactly_its_items_in_order(key: int | None) -> None:
    mixture = Mixture([BLOCK, 3, BLOCK // 2, 0], key)
    sources, items = mixture.items(2, np.arange(mixture.length))
    for number, count in enumerate(mixture.counts):
        assert items[sources == number].tolist() == list(range(2 * count, 3 * count))


def test_shares_hold_at_any_time() -> None:
    mixture = Mixture([3 * BLOCK, BLOCK], 5)
    sources, _ = mixture.items(0, np.arange(mixture.length))
    assert [int((part == 1).sum()) for part in np.split(sources, 4)] == [BLOCK // 4] * 4


def test_without_a_key_sources_alternate() -> None:
    sources, _ = Mixture([4, 2], None).items(0, np.arange(6))
    assert sources.tolist() == [0, 1, 0, 0, 1, 0]


def test_a_position_is_found_without_those_before_it() -> None:
    mixture = Mixture([2 * BLOCK, 1000], 5)
    positions = np.array([BLOCK + 17, 3])
    whole = mixture.items(0, np.arange(mixture.length))
    assert [column.tolist() for column in Mixture([2 * BLOCK, 1000], 5).items(0, positions)] == [
        column[positions].tolist() for column in whole
    ]
