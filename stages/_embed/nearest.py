"""The nearest of some vectors, exactly and in a fixed order: the same on every machine, in batches of any size.

A matrix product proposes more vectors than are wanted. Their similarities are computed again in float64, in which products of
float16 are exact, in a fixed order. Where the error of the product could have hidden a nearer vector, more are proposed, up to
all.
So the answer does not depend on threads, batches or the library of the matrix product.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from interloom.pipeline.exchange_rows import Ints, Keys
from interloom.stages._dedup.components import compiled

Vectors = npt.NDArray[np.float16]
Floats = npt.NDArray[np.float32]
Scores = npt.NDArray[np.float64]

_MARGIN = 9
"""So many more vectors are proposed than are wanted. Our choice."""
_WIDER = 8
"""Where these do not suffice, so many times as many are. Our choice."""
_CELLS = 4 << 20
"""Numbers of a block of the matrix product. Our choice."""
_BASE_ROWS = 4096
"""Rows of the base in such a block. Our choice."""
_EPSILON = 2.0**-23
"""Twice the rounding error of float32. The error of a product of unit vectors of d numbers is at most d / 2 times this."""
NONE = -1
"""The number of a vector that is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """Vectors to search. Of equally near ones the first is taken.

    `owners`: a vector is not found for queries of the same owner; 0: it is found for all. `keys`: of vectors with the same key at
    most the nearest is found.
    """

    vectors: Vectors
    owners: Keys
    keys: Keys

    @classmethod
    def of(cls, vectors: Vectors) -> Base:
        """Vectors that are found for all queries, however many are alike."""
        return cls(vectors=vectors, owners=np.zeros(len(vectors), np.uint64), keys=np.arange(len(vectors), dtype=np.uint64))


@dataclass(frozen=True, slots=True)
class Search:
    """Finds the nearest vectors of a base; prepared once for many queries."""

    base: Base
    count: int
    _matrix: Floats

    @classmethod
    def of(cls, base: Base, count: int) -> Search:
        """Finds the `count` nearest vectors of the base."""
        return cls(base, count, base.vectors.astype(np.float32))

    def nearest(self, queries: Vectors, owners: Keys | None = None) -> tuple[Ints, Scores]:
        """The numbers of the nearest vectors of each query and their similarities, nearest first; NONE where there are no more.

        Parameters:
            queries: Vectors.
            owners: The owner of each query; None if they have none.
        """
        matrix = queries.astype(np.float32)
        own = np.zeros(len(queries), np.uint64) if owners is None else owners
        numbers, scores = np.full((len(queries), self.count), NONE), np.zeros((len(queries), self.count))
        waiting, proposed = np.arange(len(queries)), self.count + _MARGIN
        while len(waiting):
            complete = np.zeros(len(waiting), np.bool_)
            for first, after in _blocks(len(waiting), min(len(self._matrix), _BASE_ROWS)):
                some = waiting[first:after]
                results = self._found(matrix[some], own[some], min(proposed, len(self._matrix)))
                numbers[some], scores[some], complete[first:after] = results
            waiting, proposed = waiting[~complete], proposed * _WIDER
        return numbers, scores

    def _found(self, queries: Floats, owners: Keys, proposed: int) -> tuple[Ints, Scores, npt.NDArray[np.bool_]]:
        """The nearest vectors among so many proposed ones, and whether these are the nearest of all."""
        keep_best, choose = _kernels()
        best = np.full((len(queries), proposed), -np.inf, np.float32)
        places = np.full((len(queries), proposed), NONE)
        for first in range(0, len(self._matrix), _BASE_ROWS):
            some = self._matrix[first : first + _BASE_ROWS]
            keep_best(queries @ some.T, first, (owners, self.base.owners), best, places)
        error = queries.shape[1] * _EPSILON
        return choose((queries, self._matrix), self.base.keys, (best, places), self.count, error)  # type: ignore[no-any-return]


def _blocks(rows: int, columns: int) -> Iterator[tuple[int, int]]:
    """Blocks of rows with about _CELLS numbers."""
    size = max(1, _CELLS // max(columns, 1))
    return ((first, min(first + size, rows)) for first in range(0, rows, size))


@functools.cache
def _kernels() -> tuple[Callable[..., None], Callable[..., Any]]:
    return compiled(_keep_best), compiled(_choose, _exact, _first, _leave_out, _order)


def _keep_best(products: Floats, first: int, owners: tuple[Keys, Keys], best: Floats, places: Ints) -> None:
    """Takes the products of queries with base vectors `first`, `first` + 1 ... into the best of each query, largest first."""
    own, owned = owners
    count = best.shape[1]
    for i in range(products.shape[0]):
        least = best[i, count - 1]
        for j in range(products.shape[1]):
            value = products[i, j]
            if value > least and (own[i] == 0 or owned[first + j] != own[i]):
                at = count - 1
                while at > 0 and best[i, at - 1] < value:
                    best[i, at] = best[i, at - 1]
                    places[i, at] = places[i, at - 1]
                    at -= 1
                best[i, at] = value
                places[i, at] = first + j
                least = best[i, count - 1]


def _exact(a: Floats, b: Floats) -> float:
    """The product of two vectors of float16 in float64: eight sums, each in order, added in order."""
    s0, s1, s2, s3, s4, s5, s6, s7 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    whole = a.size - a.size % 8
    for n in range(0, whole, 8):
        s0 += np.float64(a[n]) * np.float64(b[n])
        s1 += np.float64(a[n + 1]) * np.float64(b[n + 1])
        s2 += np.float64(a[n + 2]) * np.float64(b[n + 2])
        s3 += np.float64(a[n + 3]) * np.float64(b[n + 3])
        s4 += np.float64(a[n + 4]) * np.float64(b[n + 4])
        s5 += np.float64(a[n + 5]) * np.float64(b[n + 5])
        s6 += np.float64(a[n + 6]) * np.float64(b[n + 6])
        s7 += np.float64(a[n + 7]) * np.float64(b[n + 7])
    for n in range(whole, a.size):
        s0 += np.float64(a[n]) * np.float64(b[n])
    return ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7))


def _first(exact: Scores, places: Ints, known: int) -> int:
    """Which of the first `known` vectors that are left is the nearest, of equal ones the first by number; -1 without any."""
    nearest = -1
    for n in range(known):
        if places[n] < 0:
            continue
        is_nearer = nearest < 0 or exact[n] > exact[nearest]
        if is_nearer or (exact[n] == exact[nearest] and places[n] < places[nearest]):
            nearest = n
    return nearest


def _leave_out(key: int, keys: Keys, places: Ints, known: int) -> None:
    """Leaves out the vectors with this key."""
    for n in range(known):
        if places[n] >= 0 and keys[places[n]] == key:
            places[n] = -1


def _order(exact: Scores, places: Ints, keys: Keys, numbers: Ints, scores: Scores) -> int:
    """Writes the nearest vectors with different keys, and how near they are; how many there are. Uses up `places`."""
    taken, known = 0, len(places)
    nearest = _first(exact, places, known)
    while taken < len(numbers) and nearest >= 0:
        numbers[taken], scores[taken] = places[nearest], exact[nearest]
        taken += 1
        _leave_out(keys[places[nearest]], keys, places, known)
        nearest = _first(exact, places, known)
    return taken


def _choose(
    vectors: tuple[Floats, Floats], keys: Keys, proposed: tuple[Floats, Ints], count: int, error: float
) -> tuple[Ints, Scores, npt.NDArray[np.bool_]]:
    """The nearest of the proposed vectors by exact similarity, equal ones by number, and whether they are the nearest of all: all
    are proposed, or the last one is nearer than what was not proposed can be. The first `count` are tried before all others."""
    queries, base = vectors
    best, places = proposed
    most = places.shape[1]
    numbers = np.full((len(queries), count), -1)
    scores = np.zeros((len(queries), count))
    complete = np.zeros(len(queries), np.bool_)
    exact = np.empty(most)
    for i in range(len(queries)):
        known = 0
        for tried in (min(count, most), most):
            while known < tried and places[i, known] >= 0:
                exact[known] = _exact(queries[i], base[places[i, known]])
                known += 1
            taken = _order(exact, places[i, :known].copy(), keys, numbers[i], scores[i])
            others = best[i, min(tried, most - 1)]
            complete[i] = taken == count and scores[i, count - 1] > others + error
            if complete[i] or known < tried:
                break
        complete[i] = complete[i] or known < most or most == len(base)
    return numbers, scores, complete
