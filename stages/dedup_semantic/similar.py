"""Compares the members of a cluster with all members before them, in blocks, so that memory does not grow with the cluster.

Products are exact. The numbers of a float16 are multiples of 2^-24, so products of two are multiples of 2^-48, and each sum of
some products of two unit vectors is less than 2. Such sums fit the 53 bits of a float64 without rounding, in whatever order they
are added. So a product of float64 matrices gives the same bits on every machine, for blocks of any size. It is divided by the
lengths of the two vectors, which rounding to float16 has changed a little.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from interloom.pipeline.exchange_rows import Ints
from interloom.stages._dedup.components import union_find

Vectors = npt.NDArray[np.float16]
Floats = npt.NDArray[np.float64]

NONE = -1
"""The number of a member that is not there."""
_BLOCK = 1024
"""Members that are compared at a time, with as many others: 8 MB of similarities. Our choice."""


@dataclass(frozen=True, slots=True)
class _Rows:
    """Vectors and their lengths."""

    vectors: Floats
    lengths: Floats

    @classmethod
    def of(cls, vectors: Vectors) -> _Rows:
        wide = vectors.astype(np.float64)
        return cls(wide, np.sqrt(np.einsum("ij,ij->i", wide, wide)) + (~wide.any(axis=1)))

    def __len__(self) -> int:
        return len(self.vectors)

    def blocks(self, start: int = 0) -> Iterator[tuple[int, _Rows]]:
        """The rows from `start` on in blocks, with the number of each block's first one."""
        for first in range(start, len(self), _BLOCK):
            yield first, _Rows(self.vectors[first : first + _BLOCK], self.lengths[first : first + _BLOCK])

    def similarities(self, others: _Rows) -> Floats:
        """The cosine similarities of these vectors to others; 0 for a vector of zeros."""
        cosines: Floats = self.vectors @ others.vectors.T / self.lengths[:, None] / others.lengths
        return cosines


class Cluster:
    """Members of a cluster in order. Of each it finds the most similar one before it, and the root of its component.

    `nearest` has that member's number, NONE for the first one, and `similarity` how similar it is; of equally similar members the
    first one counts. Members that are more similar than `linked_above` are linked: `linked` has the similarity to the most
    similar of those to which a member is linked, before or after it.
    """

    def __init__(self, linked_above: float | None = None) -> None:
        self.nearest: Ints = np.empty(0, np.int64)
        self.similarity: Floats = np.empty(0)
        self.linked: Floats = np.empty(0)
        self._parents: Ints = np.empty(0, np.int64)
        self.linked_above = linked_above

    def __len__(self) -> int:
        return len(self._parents)

    def add(self, vectors: Vectors, before: Iterable[Vectors] = ()) -> None:
        """Adds members.

        Parameters:
            vectors: Unit vectors (n, d) of the members to add, in order.
            before: The vectors of all members that were added before, in order, table by table.
        """
        seen, rows = len(self), _Rows.of(vectors)
        self._parents = np.concatenate([self._parents, np.arange(seen, seen + len(rows))])
        self.nearest = np.concatenate([self.nearest, np.full(len(rows), NONE)])
        unknown = np.full(len(rows), -np.inf)
        self.similarity, self.linked = (np.concatenate([known, unknown]) for known in (self.similarity, self.linked))
        column = 0
        for table in before:
            for first, block in _Rows.of(table).blocks():
                self._compare(rows, 0, block, column + first)
            column += len(table)
        for first, block in rows.blocks():
            self._compare(rows, first, block, seen + first)

    def _compare(self, rows: _Rows, start: int, block: _Rows, column: int) -> None:
        """Compares the rows from `start` on with a block of members, which are `column`, `column` + 1 ..."""
        seen = len(self) - len(rows)
        for first, some in rows.blocks(start):
            products, row = some.similarities(block), seen + first
            if row == column:  # the block with itself: only members before a member count
                products[np.triu_indices(len(products))] = -np.inf
            self._take(row, column, products)
            self._link(row, column, products)

    def _take(self, row: int, column: int, products: Floats) -> None:
        best, rows = products.argmax(axis=1), slice(row, row + len(products))
        values = products[np.arange(len(products)), best]
        is_better = values > self.similarity[rows]
        self.nearest[rows][is_better] = column + best[is_better]
        self.similarity[rows][is_better] = values[is_better]

    def _link(self, row: int, column: int, products: Floats) -> None:
        if self.linked_above is not None:
            rows, columns = np.nonzero(products > self.linked_above)
            unite, _ = union_find()
            unite(self._parents, rows + row, columns + column)
            for ends in (rows + row, columns + column):
                np.maximum.at(self.linked, ends, products[rows, columns])

    def roots(self) -> Ints:
        """The root of each member: the first member of those that are linked with it, directly or through others."""
        _, find_roots = union_find()
        find_roots(self._parents)
        return self._parents
