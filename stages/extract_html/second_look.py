"""Features of a block from the probabilities that the first trees give to it and to the blocks around it.

A text is in one piece: a block among blocks that are main content is, too, and one of a group that is not is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interloom.stages.extract_html.arrays import Ints
from interloom.stages.extract_html.group_features import group_sums
from interloom.stages.extract_html.rows import Floats, stacked

_NEIGHBOURS = (1, 2, 3)
"""Blocks before, and after, whose probabilities are features of a block."""
_BEYOND = -1.0
"""The probability of a neighbour beyond the page."""
_RADII = (2, 6)
"""Blocks before and after, of which the mean is a feature."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Of the blocks of a page: characters; first and last (exclusive) block of two enclosing nodes, (2, n); groups."""

    chars: Ints
    first: NDArray[Any]
    last: NDArray[Any]
    groups: Ints


def second_look(around: Surroundings, probabilities: NDArray[Any]) -> Floats:
    """A column for each block: probabilities of neighbours, means around it, the expected content before and after it."""
    chars, count = around.chars, len(probabilities)
    content = probabilities * chars
    sums = _Sums(*(np.concatenate([[0.0], values.cumsum()]) for values in (content, chars, probabilities)))
    features: list[Any] = [probabilities]
    for step in _NEIGHBOURS:
        padded = np.full(count + 2 * step, _BEYOND)
        padded[step : step + count] = probabilities
        features += [padded[:count], padded[2 * step :]]
    numbers = np.arange(count)
    for radius in _RADII:
        features += sums.means(np.maximum(numbers - radius, 0), np.minimum(numbers + radius + 1, count))
    for first, last in zip(around.first, around.last, strict=True):
        features += sums.means(first, last)
    of_groups = [group_sums(around.groups, values) for values in (content, chars, probabilities, np.ones(count))]
    features += [(of_groups[0] / of_groups[1])[around.groups], (of_groups[2] / of_groups[3])[around.groups]]
    total = max(float(sums.content[-1]), 1e-6)
    features += [sums.content[:-1] / total, 1 - sums.content[1:] / total, total]
    features += [total / sums.chars[-1], probabilities.max(), chars / max(total, 1.0)]
    return stacked(features, count)


@dataclass(frozen=True, slots=True)
class _Sums:
    """Cumulative sums over the blocks: expected characters of main content, characters, probabilities."""

    content: NDArray[Any]
    chars: NDArray[Any]
    probabilities: NDArray[Any]

    def means(self, first: NDArray[Any], last: NDArray[Any]) -> list[NDArray[Any]]:
        """The mean probability of the characters, and that of the blocks, from `first` to `last` (exclusive)."""
        chars = np.maximum(self.chars[last] - self.chars[first], 1)
        blocks = np.maximum(last - first, 1)
        return [
            (self.content[last] - self.content[first]) / chars,
            (self.probabilities[last] - self.probabilities[first]) / blocks,
        ]
