"""The nearest vectors are exact, and the same in batches of any size."""

from __future__ import annotations

import numpy as np
import pytest

from interloom.stages._embed import nearest
from interloom.stages._embed.nearest import NONE, Base, Search

CHANCE = np.random.default_rng(5)


def unit(rows: int, width: int = 24) -> np.ndarray:
    drawn = CHANCE.standard_normal((rows, width))
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float16)


QUERIES, VECTORS = unit(50), unit(300)
EXACT = QUERIES.astype(np.float64) @ VECTORS.astype(np.float64).T


def owned(owners: list[int], keys: list[int] | None = None) -> Base:
    numbers = keys or range(len(owners))
    return Base(vectors=VECTORS[: len(owners)], owners=np.array(owners, np.uint64), keys=np.array(numbers, np.uint64))


def test_the_nearest_come_first_with_their_exact_similarity():
    numbers, scores = Search.of(Base.of(VECTORS), 3).nearest(QUERIES)
    assert numbers.tolist() == np.argsort(-EXACT, axis=1)[:, :3].tolist()
    assert scores == pytest.approx(-np.sort(-EXACT, axis=1)[:, :3], abs=1e-12)


def test_vectors_that_float32_cannot_tell_apart_come_in_the_order_of_their_exact_similarity():
    steps = np.arange(40) * 7 % 40
    vectors = np.repeat(VECTORS[:1], 40, axis=0)
    vectors[:, 0] = steps * np.float16(2**-24)
    query = VECTORS[:1].copy()
    query[:, 0] = 2**-7
    numbers, _ = Search.of(Base.of(vectors), 3).nearest(query)
    assert numbers.tolist() == [np.argsort(-steps)[:3].tolist()]


@pytest.mark.parametrize(("name", "value"), [("_CELLS", 1), ("_BASE_ROWS", 7), ("_MARGIN", 0), ("_WIDER", 2)])
def test_blocks_and_margins_change_no_bit(monkeypatch: pytest.MonkeyPatch, name: str, value: int):
    usual = [array.tobytes() for array in Search.of(Base.of(VECTORS), 5).nearest(QUERIES)]
    monkeypatch.setattr(nearest, name, value)
    assert [array.tobytes() for array in Search.of(Base.of(VECTORS), 5).nearest(QUERIES)] == usual


def test_of_equal_vectors_the_first_are_taken():
    numbers, _ = Search.of(Base.of(np.repeat(VECTORS[:4], 100, axis=0)), 3).nearest(VECTORS[2:3])
    assert numbers.tolist() == [[200, 201, 202]]


def test_of_vectors_with_the_same_key_only_the_nearest_is_found():
    keys = [n // 50 for n in range(300)]
    numbers, _ = Search.of(owned([0] * 300, keys), 4).nearest(QUERIES)
    best = EXACT.reshape(50, 6, 50).argmax(axis=2) + np.arange(6) * 50
    expected = [sorted(row, key=lambda n: -scores[n])[:4] for row, scores in zip(best.tolist(), EXACT, strict=True)]
    assert numbers.tolist() == expected


def test_many_near_vectors_with_the_same_key_hide_no_others():
    order = np.argsort(-EXACT[0])
    keys = np.arange(300)
    keys[order[:100]] = 1000
    numbers, _ = Search.of(owned([0] * 300, keys.tolist()), 3).nearest(QUERIES[:1])
    assert numbers.tolist() == [order[[0, 100, 101]].tolist()]


def test_a_vector_is_not_found_for_a_query_of_its_owner():
    numbers, _ = Search.of(owned([7] * 299 + [8]), 2).nearest(QUERIES[:3], np.array([7, 8, 0], np.uint64))
    assert numbers[0].tolist() == [299, NONE]
    assert 299 not in numbers[1]
    assert numbers[2].tolist() == np.argsort(-EXACT[2])[:2].tolist()


def test_an_empty_base_has_nothing():
    numbers, _ = Search.of(Base.of(VECTORS[:0]), 2).nearest(QUERIES[:2])
    assert numbers.tolist() == [[NONE, NONE]] * 2
