"""The trees that give each block of a page the probability that it is main content: `page_model.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interloom.stages.extract_html.features import BlockFeatures
from interloom.stages.extract_html.rows import Floats
from interloom.stages.extract_html.second_look import second_look

_BLOCKS_AT_ONCE = 4096
"""Blocks that the trees evaluate at once: a page of 100,000 blocks would else take a gigabyte."""
_FILE = "page_model.json"


@dataclass(frozen=True)
class BoostedTrees:
    """Boosted decision trees (Friedman, Annals of Statistics 2001), oblivious: all nodes of a level share one comparison.

    `features` (their numbers) and `thresholds` are (trees, depth), `leaf_values` (trees, 2 ** depth). The log odds of a block are
    `base_score` plus one leaf value of each tree.
    """

    base_score: float
    features: NDArray[Any]
    thresholds: NDArray[Any]
    leaf_values: NDArray[Any]

    def probabilities(self, columns: NDArray[Any]) -> NDArray[Any]:
        """For each block, the probability that it is main content; `columns` is (features, blocks)."""
        starts = range(0, columns.shape[1], _BLOCKS_AT_ONCE)
        return np.concatenate([self._evaluate(columns[:, n : n + _BLOCKS_AT_ONCE]) for n in starts])

    def _evaluate(self, columns: NDArray[Any]) -> NDArray[Any]:
        comparisons = self._comparisons
        bits = (columns.take(comparisons.features, axis=0) > comparisons.thresholds) * comparisons.weights
        leaves = comparisons.first_leaves + sum(bits.take(level, axis=0) for level in comparisons.of_levels)
        log_odds = self.base_score + self.leaf_values.ravel().take(leaves).sum(axis=0)
        probabilities: NDArray[Any] = 1 / (1 + np.exp(-log_odds))
        return probabilities

    @cached_property
    def _comparisons(self) -> _Comparisons:
        trees, depth = self.features.shape
        levels = np.broadcast_to(np.arange(depth), (trees, depth))
        every = np.stack([self.features, self.thresholds, levels], axis=-1).reshape(-1, 3)
        distinct, numbers = np.unique(every, axis=0, return_inverse=True)
        features, thresholds, level = distinct.T
        return _Comparisons(
            features=features.astype(np.int64),
            thresholds=thresholds[:, None].astype(np.float32),
            weights=_compact(1 << (depth - 1 - level.astype(np.int64))),
            of_levels=list(np.ascontiguousarray(numbers.reshape(trees, depth).T)),
            first_leaves=_compact(np.arange(trees) << depth),
        )


@dataclass(frozen=True, slots=True)
class _Comparisons:
    """The different comparisons of trees, as a level of a tree makes one: of their 960 about 570 are different.

    `features`, `thresholds` and `weights` (what a comparison that is true adds to the number of the leaf) have a row for each
    comparison; each of `of_levels` has, for each tree, the number of its comparison at this level, `first_leaves` the number of
    its first leaf.
    """

    features: NDArray[Any]
    thresholds: NDArray[Any]
    weights: NDArray[Any]
    of_levels: list[NDArray[Any]]
    first_leaves: NDArray[Any]


def _compact(column: NDArray[Any]) -> NDArray[Any]:
    """The column, at least 0, in as few bytes as hold twice its largest value: sums of weights, and leaves after the first."""
    return column[:, None].astype(np.min_scalar_type(2 * int(column.max())))


@dataclass(frozen=True, slots=True)
class PageModel:
    """Two sets of trees: the second sees the probabilities that the first gives to the blocks around a block, too.

    That is stacked generalization (Wolpert, Neural Networks 1992): the second learned from what trees of the first kind said
    about pages that they had not seen.
    """

    first: BoostedTrees
    second: BoostedTrees

    def probabilities(self, blocks: BlockFeatures) -> NDArray[Any]:
        """For each block of a page, the probability that it is main content."""
        return self.second.probabilities(second_columns(blocks, self.first.probabilities(blocks.columns)))


def second_columns(blocks: BlockFeatures, probabilities: NDArray[Any]) -> Floats:
    """What the second trees see: the first probabilities around each block, then all of its features but those of its group."""
    around = second_look(blocks.around, probabilities)
    return np.concatenate([around, blocks.columns[: blocks.own_rows]])


@lru_cache(maxsize=1)
def page_model() -> PageModel:
    """The trees of `page_model.json`, read once in a process."""
    return model_from(json.loads(Path(__file__).with_name(_FILE).read_text(encoding="utf-8")))


def model_from(model: Mapping[str, Any]) -> PageModel:
    """The model in the JSON of `benchmarks/grow_page_model.py`: `{"first": {"base_score": .., "trees": [..]}, "second": ..}`."""
    return PageModel(trees_from(model["first"]), trees_from(model["second"]))


def trees_from(model: Mapping[str, Any]) -> BoostedTrees:
    """Trees from JSON: `{"base_score": .., "trees": [{"features": .., "thresholds": .., "leaf_values": ..}]}`."""
    trees = model["trees"]
    return BoostedTrees(
        model["base_score"],
        np.array([tree["features"] for tree in trees], np.int64),
        np.array([tree["thresholds"] for tree in trees], np.float32),
        np.array([tree["leaf_values"] for tree in trees], np.float32),
    )
