"""Grows the decision trees of `stages/extract_html/page_model.json` from pages with gold main content.

usage: python -m benchmarks.grow_page_model [--data ../shared/data/1_html] [--write]

`--write` replaces the file. For the quality on pages that were not in the training data: `python -m benchmarks unseen_pages`.
The trees are oblivious and boosted: gradient boosting (Friedman, Annals of Statistics 2001) with one comparison for each level.
The second trees see what trees of the first kind say about the blocks around a block. They learn from what such trees say about
pages of other folds than those that these were grown on (stacked generalization, Wolpert, Neural Networks 1992).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from benchmarks._gold_pages import FOLDS, Rows, fold_of, gold_rows
from interloom.stages.extract_html.page_model import second_columns, trees_from

Array = NDArray[Any]
# All of these are our choice.
_TREES = 240
_SECOND_TREES = 120
_DEPTH = 4
_LEARNING_RATE = 0.05
_L2_REGULARIZATION = 3.0
_SEED = 1
_BINS = 32  # thresholds of a feature, at most, plus one
_ROW_SHARE = 0.7  # rows sampled for each tree
_FEATURE_SHARE = 0.3  # features sampled for each tree
_MODEL = Path(__file__).parents[1] / "stages" / "extract_html" / "page_model.json"


def feature_thresholds(values: Array) -> Array:
    """The candidate thresholds of a feature: between all its values if they are few, else at quantiles; 31 at most.

    `[1, 1, 3]` -> `[2]`.
    """
    distinct = np.unique(values)
    if len(distinct) <= _BINS:
        midpoints: Array = ((distinct[1:] + distinct[:-1]) / 2).astype(np.float32)
        return midpoints
    return np.unique(np.quantile(values, np.linspace(0, 1, _BINS + 1)[1:-1]))[: _BINS - 1].astype(np.float32)


def grow_model(pages: Sequence[Rows]) -> dict[str, Any]:
    """The model that `extract_html.page_model.model_from` reads."""
    truth, weight = (np.concatenate([getattr(page, name) for page in pages]) for name in ("truth", "weight"))
    rows = [page.features.columns.T for page in pages]
    folds = np.array([fold_of(page.name) for page in pages])
    of_rows = np.repeat(folds, [len(page.truth) for page in pages])
    seconds: list[Array] = [np.zeros((0, 0))] * len(pages)
    for fold in range(FOLDS):
        known = of_rows != fold
        others = grow_trees(np.concatenate(rows)[known], truth[known], weight[known], _TREES)
        for n in np.flatnonzero(folds == fold):
            seconds[n] = second_columns(pages[n].features, trees_from(others).probabilities(rows[n].T)).T
    first = grow_trees(np.concatenate(rows), truth, weight, _TREES)
    return {"first": first, "second": grow_trees(np.concatenate(seconds), truth, weight, _SECOND_TREES)}


def grow_trees(rows: Array, truth: Array, weight: Array, count: int) -> dict[str, Any]:
    """Trees for rows of features with their truth (0 to 1), as `extract_html.page_model.trees_from` reads them."""
    weight = weight / weight.mean()
    thresholds = [feature_thresholds(rows[:, n]) for n in range(rows.shape[1])]
    bins = np.stack([np.searchsorted(candidates, rows[:, n]) for n, candidates in enumerate(thresholds)], axis=1).astype(np.uint8)
    mean = np.average(truth, weights=weight)
    log_odds = np.full(len(rows), np.log(mean / (1 - mean)))
    base_score, random = float(log_odds[0]), np.random.default_rng(_SEED)
    trees = []
    for _ in range(count):
        probability = 1 / (1 + np.exp(-log_odds))
        gradients = np.stack([weight * (probability - truth), weight * probability * (1 - probability) + 1e-9])
        sampled = np.flatnonzero(random.random(len(rows)) < _ROW_SHARE)
        features = np.sort(random.choice(rows.shape[1], int(rows.shape[1] * _FEATURE_SHARE), replace=False))
        splits = _best_splits(bins[np.ix_(sampled, features)], gradients[:, sampled], features, thresholds)
        leaves = np.zeros(len(rows), np.int64)
        for feature, threshold in splits:
            leaves = leaves * 2 + (rows[:, feature] > threshold)
        first, second = (np.bincount(leaves[sampled], gradient[sampled], 1 << _DEPTH) for gradient in gradients)
        values = -_LEARNING_RATE * first / (second + _L2_REGULARIZATION)
        log_odds += values[leaves]
        trees.append(
            {
                "features": [feature for feature, _ in splits],
                "thresholds": [round(threshold, 5) for _, threshold in splits],
                "leaf_values": [round(float(value), 4) for value in values],
            }
        )
    return {"base_score": round(base_score, 4), "trees": trees}


def _best_splits(bins: Array, gradients: Array, features: Array, thresholds: Sequence[Array]) -> list[tuple[int, float]]:
    """The (feature, threshold) of each level of a tree: the split with the greatest gain, summed over the leaves of the level.

    `bins` is (rows, features), with the number of thresholds below each value; `gradients` is (2, rows), of first and second
    order; `thresholds` has the candidates of all features.
    """
    leaf = np.zeros(len(bins), np.int64)
    splits: list[tuple[int, float]] = []
    for level in range(_DEPTH):
        sums = _bin_sums(bins, leaf, gradients, 1 << level).cumsum(axis=3)
        (left, left_second), (right, right_second) = sums, sums[:, :, :, -1:] - sums
        gain = left**2 / (left_second + _L2_REGULARIZATION) + right**2 / (right_second + _L2_REGULARIZATION)
        column, bin_number = divmod(int(gain.sum(axis=0).argmax()), _BINS)
        candidates = thresholds[features[column]]
        bin_number = min(bin_number, len(candidates) - 1)
        splits.append((int(features[column]), float(candidates[bin_number]) if bin_number >= 0 else 0.0))
        leaf = leaf * 2 + (bins[:, column] > bin_number)
    return splits


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _bin_sums(bins: Array, leaf: Array, gradients: Array, leaves: int) -> Array:
    """The gradients of first and second order in each leaf, by feature and bin: (2, leaves, features, bins)."""
    sums = np.zeros((2, leaves, bins.shape[1], _BINS))
    for row in range(bins.shape[0]):
        for column in range(bins.shape[1]):
            for order in range(2):
                sums[order, leaf[row], column, bins[row, column]] += gradients[order, row]
    return sums


def model_text(model: dict[str, Any]) -> str:
    """The model as JSON with one tree on a line."""
    parts = []
    for name, part in model.items():
        trees = ",\n".join(f"   {json.dumps(tree)}" for tree in part["trees"])
        parts.append(f' "{name}": {{\n  "base_score": {part["base_score"]},\n  "trees": [\n{trees}\n  ]\n }}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data" / "1_html")
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    model = grow_model(list(gold_rows(args.data)))
    if args.write:
        _MODEL.write_text(model_text(model))


if __name__ == "__main__":
    main()
