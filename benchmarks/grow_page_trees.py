"""Grows the decision trees of `stages/extract_html/page_model.py` from pages with gold main content.

usage: python -m benchmarks.grow_page_trees [--data ../shared/data/1_html] [--write]

`--write` replaces the module. What to expect on pages that were not learned from: `python -m benchmarks unseen_pages`.
Boosted oblivious trees: gradient boosting (Friedman 2001) where all nodes of a level ask the same question.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks._gold_pages import Rows, gold_rows

Array = NDArray[Any]
_TREES, _DEPTH, _RATE, _SMOOTHING, _SEED = 120, 4, 0.1, 3.0, 1
_BINS, _ROW_SHARE, _COLUMN_SHARE = 32, 0.7, 0.3
_TARGET = Path(__file__).parents[1] / "stages" / "extract_html" / "page_model.py"


def limits_of(column: Array) -> Array:
    """Where a column may be cut: between its values when they are few, else at quantiles."""
    values = np.unique(column)
    if len(values) <= _BINS:
        cuts: Array = ((values[1:] + values[:-1]) / 2).astype(np.float32)
        return cuts
    cuts = np.unique(np.quantile(column, np.linspace(0, 1, _BINS + 1)[1:-1]))[: _BINS - 1].astype(np.float32)
    return cuts


def grown(pages: Sequence[Rows]) -> dict[str, Any]:
    """The trees as `extract_html.classifier.Trees` reads them."""
    rows, truth, weight = (np.concatenate([getattr(page, name) for page in pages]) for name in ("features", "truth", "weight"))
    weight = weight / weight.mean()
    limits = [limits_of(rows[:, n]) for n in range(rows.shape[1])]
    bins = np.stack([np.searchsorted(limit, rows[:, n]) for n, limit in enumerate(limits)], axis=1)
    mean = np.average(truth, weights=weight)
    odds = np.full(len(rows), np.log(mean / (1 - mean)))
    start, chance = float(odds[0]), np.random.default_rng(_SEED)
    columns, cuts, votes = [], [], []
    for _ in range(_TREES):
        likely = 1 / (1 + np.exp(-odds))
        slopes = np.stack([weight * (likely - truth), weight * likely * (1 - likely) + 1e-9])
        seen = np.flatnonzero(chance.random(len(rows)) < _ROW_SHARE)
        asked = np.sort(chance.choice(rows.shape[1], int(rows.shape[1] * _COLUMN_SHARE), replace=False))
        questions = _questions(bins[np.ix_(seen, asked)], slopes[:, seen], asked, limits)
        leaves = np.zeros(len(rows), np.int64)
        for column, cut in questions:
            leaves = leaves * 2 + (rows[:, column] > cut)
        down, curve = (np.bincount(leaves[seen], slope[seen], 1 << _DEPTH) for slope in slopes)
        vote = -_RATE * down / (curve + _SMOOTHING)
        odds += vote[leaves]
        columns.append([column for column, _ in questions])
        cuts.append([round(cut, 5) for _, cut in questions])
        votes.append([round(float(value), 4) for value in vote])
    return {"start": round(start, 4), "columns": columns, "limits": cuts, "votes": votes}


def _questions(bins: Array, slopes: Array, asked: Array, limits: Sequence[Array]) -> list[tuple[int, float]]:
    """The (column, limit) of each level: the one that parts all leaves of the level best."""
    leaf = np.zeros(len(bins), np.int64)
    found: list[tuple[int, float]] = []
    width = len(asked) * _BINS
    for level in range(_DEPTH):
        places = (bins + np.arange(len(asked)) * _BINS + (leaf * width)[:, None]).ravel()
        shape = (1 << level, len(asked), _BINS)
        sums = [np.bincount(places, np.repeat(s, len(asked)), width << level).reshape(shape).cumsum(axis=2) for s in slopes]
        (left, left_curve), (right, right_curve) = sums, [s[:, :, -1:] - s for s in sums]
        gain = (left**2 / (left_curve + _SMOOTHING) + right**2 / (right_curve + _SMOOTHING)).sum(axis=0)
        column, at = divmod(int(gain.argmax()), _BINS)
        cuts = limits[asked[column]]
        at = min(at, len(cuts) - 1)
        found.append((int(asked[column]), float(cuts[at]) if at >= 0 else 0.0))
        leaf = leaf * 2 + (bins[:, column] > at)
    return found


def module_of(trees: dict[str, Any]) -> str:
    text = json.dumps(trees, separators=(",", ":"))
    lines = "\n".join(f"    '{text[n : n + 116]}'" for n in range(0, len(text), 116))
    says = "Grown by `benchmarks/grow_page_trees.py` from pages with gold main content; not edited by hand."
    return f'"""{says}"""\n\nTREES = (\n{lines}\n)\n'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data" / "1_html")
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    trees = grown(list(gold_rows(args.data)))
    if args.write:
        _TARGET.write_text(module_of(trees))


if __name__ == "__main__":
    main()
