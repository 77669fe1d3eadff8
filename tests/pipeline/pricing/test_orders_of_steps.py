"""The order of steps that costs least, by arithmetic and against all orders that there are."""

from __future__ import annotations

import random
from itertools import permutations

import pytest

from interloom.pipeline.pricing.orders import Part, moved, moves, seconds

HOUR = 3600
DOCUMENTS = 1e9
TEXT = Part("text filter", 1 / 1_090_000, 1 - 0.80)
DEDUP = Part("text dedup", 1 / 388_000, 1 - 0.90)
IMAGES = Part("image filter", 2.97 / 3_000, 1 - 0.40)  # 3,000 images a second; 2.97 images a document
DETAILED = Part("detailed text filter", 1 / 100_000, 1 - 0.67)
OMNICORPUS = {
    "1 2 4 3": 2.31,
    "1 2 (3 4)": 5.95,
    "2 1 4 3": 2.65,
    "1 4 2 3": 2.71,
    "2 1 (3 4)": 6.30,
    "1 4 (3 2)": 19.33,
    "2 (3 1) 4": 28.66,
    "1 (3 4) 2": 55.90,
    "1 (3 2) 4": 56.14,
    "(3 2) 1 4": 278.26,
    "(3 1) 2 4": 278.37,
    "(3 1) 4 2": 279.59,
}
"""Hours of orders of a billion documents: OmniCorpus (arXiv 2406.08418), tables 9 and 10. Steps in parentheses are parallel."""


def groups(order: str) -> list[list[Part]]:
    parts = {"1": TEXT, "2": DEDUP, "3": IMAGES, "4": DETAILED}
    spelled = order.replace("(", "( ").replace(")", " )").split()
    found: list[list[Part]] = []
    inside = False
    for word in spelled:
        if word in "()":
            inside = word == "("
            found += [[]] if inside else []
        elif inside:
            found[-1].append(parts[word])
        else:
            found.append([parts[word]])
    return found


@pytest.mark.parametrize(("order", "hours"), OMNICORPUS.items())
def test_the_twelve_orders_of_omnicorpus_take_as_long_as_published(order: str, hours: float) -> None:
    assert seconds(DOCUMENTS, groups(order)) / HOUR == pytest.approx(hours, rel=0.02)


def test_the_fastest_of_them_is_found_from_the_slowest() -> None:
    chain = [IMAGES, TEXT, DETAILED, DEDUP]
    order = moved(chain, moves(DOCUMENTS, chain, lambda below, above: True))
    assert [part.key for part in order] == ["text filter", "text dedup", "detailed text filter", "image filter"]


def test_a_cheap_filter_behind_a_dear_step_is_moved_before_it() -> None:
    chain = [Part("dear", 1.0, 0.9), Part("cheap", 0.001, 0.5)]
    [move] = moves(100, chain, lambda below, above: True)
    assert (move.key, move.before) == ("cheap", "dear")
    assert move.saves_s == pytest.approx((100 + 90 * 0.001) - (100 * 0.001 + 50))


def test_a_step_that_must_stay_behind_another_one_stays_there() -> None:
    chain = [Part("extract", 1.0, 1.0), Part("score", 1.0, 1.0), Part("filter", 0.0, 0.1)]
    found = moves(100, chain, lambda below, above: above != "extract")
    assert [(move.key, move.before) for move in found] == [("filter", "score")]


def test_what_saves_too_little_is_not_told() -> None:
    chain = [Part("a", 1.0, 0.9), Part("b", 0.9, 0.9)]
    assert moves(100, chain, lambda below, above: True, least_s=5.0) == []


def made(rng: random.Random, count: int) -> list[Part]:
    return [
        Part(f"s{n}", rng.choice([0.001, 0.1, 1.0, 5.0]) * rng.random(), rng.choice([1.0, rng.random()])) for n in range(count)
    ]


@pytest.mark.parametrize("seed", range(30))
def test_no_order_of_steps_that_all_commute_costs_less(seed: int) -> None:
    rng = random.Random(seed)
    chain = made(rng, rng.randint(1, 6))
    best = min(seconds(1000, [[part] for part in order]) for order in permutations(chain))
    found = moves(1000, chain, lambda below, above: True)
    assert seconds(1000, [[part] for part in moved(chain, found)]) == pytest.approx(best)
    assert sum(move.saves_s for move in found) == pytest.approx(seconds(1000, [[part] for part in chain]) - best, abs=1e-6)


@pytest.mark.parametrize("seed", range(30))
def test_moves_keep_to_what_may_be_moved_and_never_cost_more(seed: int) -> None:
    rng = random.Random(seed)
    chain = made(rng, 6)
    fixed = {(below.key, above.key) for n, below in enumerate(chain) for above in chain[:n] if rng.random() < 0.4}
    order = moved(chain, moves(1000, chain, lambda below, above: (below, above) not in fixed))
    keys = [part.key for part in order]
    assert all(keys.index(above) < keys.index(below) for below, above in fixed)
    assert seconds(1000, [[part] for part in order]) <= seconds(1000, [[part] for part in chain]) * (1 + 1e-9)
