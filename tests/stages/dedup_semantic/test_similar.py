"""Members of a cluster are compared exactly, in blocks and pieces of any size."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from interloom.stages.dedup_semantic import similar
from interloom.stages.dedup_semantic.similar import NONE, Cluster


def unit_vectors(count: int, width: int = 24, seed: int = 3) -> Any:
    """Unit vectors of float16, some of them near to others and some equal."""
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(count, width)) + 1.5 * random.normal(size=(5, width))[random.integers(0, 5, count)]
    vectors[1::7] = vectors[0::7][: len(vectors[1::7])]
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)


def products(vectors: Any) -> Any:
    """All products without rounding errors."""
    rows = vectors.astype(np.float64).tolist()
    return np.array([[math.fsum(a * b for a, b in zip(left, right, strict=True)) for right in rows] for left in rows])


def cosines(vectors: Any) -> Any:
    exact = products(vectors)
    lengths = np.sqrt(np.diag(exact))
    return exact / lengths[:, None] / lengths


def test_the_most_similar_member_before_a_member_is_exact() -> None:
    vectors = unit_vectors(60)
    cluster = Cluster()
    cluster.add(vectors)
    exact = cosines(vectors)
    assert cluster.nearest[0] == NONE
    for n in range(1, 60):
        assert cluster.nearest[n] == exact[n, :n].argmax()
        assert cluster.similarity[n] == exact[n, :n].max()


@pytest.mark.parametrize("width", [3, 384, 1024])
def test_a_float64_product_of_float16_unit_vectors_has_no_rounding_error(width: int) -> None:
    vectors = unit_vectors(12, width)
    wide = vectors.astype(np.float64)
    assert (wide @ wide.T == products(vectors)).all()


@pytest.mark.parametrize(("piece", "block"), [(60, 7), (13, 1024), (13, 5), (1, 2)])
def test_blocks_and_pieces_change_nothing(piece: int, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = unit_vectors(60)
    whole = Cluster(0.8)
    whole.add(vectors)
    monkeypatch.setattr(similar, "_BLOCK", block)
    cluster = Cluster(0.8)
    for first in range(0, 60, piece):
        before = [vectors[start : min(start + 11, first)] for start in range(0, first, 11)]
        cluster.add(vectors[first : first + piece], before)
    for name in ("nearest", "similarity", "linked"):
        assert (getattr(cluster, name) == getattr(whole, name)).all(), name
    assert (cluster.roots() == whole.roots()).all()


def test_roots_are_the_first_members_of_connected_components() -> None:
    vectors = unit_vectors(80)
    exact = cosines(vectors)
    edges = coo_matrix(np.triu(exact > 0.75, 1))
    _, component = connected_components(edges, directed=False)
    cluster = Cluster(0.75)
    cluster.add(vectors)
    firsts = {name: int(np.flatnonzero(component == name)[0]) for name in set(component)}
    assert 1 < len(firsts) < 80
    assert cluster.roots().tolist() == [firsts[name] for name in component]


def test_a_linked_member_has_the_similarity_of_its_best_link_before_or_after_it() -> None:
    vectors = unit_vectors(40)
    exact = np.tril(cosines(vectors), -1)
    exact = exact + exact.T
    np.fill_diagonal(exact, -np.inf)
    cluster = Cluster(0.7)
    cluster.add(vectors)
    best = exact.max(axis=1)
    assert (cluster.linked == np.where(best > 0.7, best, -np.inf)).all()
