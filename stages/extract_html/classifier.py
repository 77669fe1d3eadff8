"""Which blocks of a page are its main content: a vote of decision trees, then what holds for the page as a whole."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interloom.stages.extract_html.arrays import PageArrays
from interloom.stages.extract_html.class_names import BIT
from interloom.stages.extract_html.features import features
from interloom.stages.extract_html.page import Block, Page
from interloom.stages.extract_html.page_model import TREES
from interloom.stages.extract_html.readability.article import Region

_LIKELY, _LIKELY_SMALL, _OF_SURE = 0.5, 0.15, 0.6
_MAYBE = 0.2
_ROWS = 4096  # at a time, so that a page of a hundred thousand blocks costs no gigabyte
_SMALL_BLOCKS, _SMALL_CHARS, _TINY_CHARS = 12, 3000, 1500
_LONG_SENTENCE, _SAID, _SPEAKERS = 25, 0.7, 3
_NEVER = BIT["nav"] | BIT["footer"] | BIT["hidden"] | BIT["overlay"]


@dataclass(frozen=True, slots=True)
class Trees:
    """Oblivious decision trees (all nodes of a level ask the same), boosted (Friedman, Annals of Statistics 2001).

    `columns` and `limits` are (trees, depth), `votes` (trees, 2 ** depth); the votes add up to log odds.
    """

    start: float
    columns: NDArray[Any]
    limits: NDArray[Any]
    votes: NDArray[Any]

    def likelihood(self, rows: NDArray[Any]) -> NDArray[Any]:
        """For each row, how likely it is main content, 0 to 1."""
        return np.concatenate([self._some(np.ascontiguousarray(rows[n : n + _ROWS].T)) for n in range(0, len(rows), _ROWS)])

    def _some(self, features: NDArray[Any]) -> NDArray[Any]:
        """Of (features, rows)."""
        leaves = np.zeros((len(self.columns), features.shape[1]), np.int64)
        for level in range(self.columns.shape[1]):
            leaves = leaves * 2 + (features[self.columns[:, level]] > self.limits[:, level, None])
        leaves += (np.arange(len(self.votes)) * self.votes.shape[1])[:, None]
        odds = self.start + self.votes.ravel().take(leaves).sum(axis=0)
        likely: NDArray[Any] = 1 / (1 + np.exp(-odds))
        return likely


@lru_cache(maxsize=1)
def trees() -> Trees:
    return trees_of(json.loads(TREES))


def trees_of(raw: Mapping[str, Any]) -> Trees:
    """Trees as `benchmarks/grow_page_trees.py` grows them."""
    return Trees(
        raw["start"],
        np.array(raw["columns"], np.int64),
        np.array(raw["limits"], np.float32),
        np.array(raw["votes"], np.float32),
    )


def likelihoods(page: Page, arrays: PageArrays, title: str, region: Region) -> NDArray[Any]:
    """How likely each block is main content."""
    return trees().likelihood(features(page, arrays, title, region)) if page.blocks else np.zeros(0)


def kept(page: Page, likely: NDArray[Any]) -> list[bool]:
    """Whether each block is main content. A small page is nearly all content; what was said before is not said again."""
    blocks = page.blocks
    chars = sum(len(block.text) for block in blocks)
    if chars <= _SMALL_CHARS and (len(blocks) <= _SMALL_BLOCKS or chars <= _TINY_CHARS):
        chosen = [p > _LIKELY_SMALL and not block.inner.hints & _NEVER for p, block in zip(likely, blocks, strict=True)]
    else:
        limit = min(_LIKELY, _OF_SURE * _sureness(blocks, likely))
        chosen = [bool(p > limit) for p in likely]
    said: dict[str, int] = {}
    for n, block in enumerate(blocks):
        if chosen[n]:
            chosen[n] = not _repeats(block, n, said)
    return chosen


def _sureness(blocks: Sequence[Block], likely: NDArray[Any]) -> float:
    """How likely the characters are that are likely at all: what is unlike all known pages is held to less."""
    sizes = np.array([len(block.text) for block in blocks]) * (likely > _MAYBE)
    return max(float((sizes * likely).sum() / sizes.sum()), _MAYBE) if sizes.any() else _MAYBE


def _repeats(block: Block, at: int, said: dict[str, int]) -> bool:
    """Whether the block says in one what several before it said, as pages do that hold their text twice. Remembers it."""
    if len(block.text) < _LONG_SENTENCE:
        return False
    sentences = [s.rstrip(".!? ").lower() for s in block.text.replace("\n", ". ").split(". ") if len(s) >= _LONG_SENTENCE]
    old = [sentence for sentence in sentences if sentence in said]
    repeats = len({said[s] for s in old}) >= _SPEAKERS and sum(map(len, old)) >= _SAID * sum(map(len, sentences))
    for sentence in sentences:
        said.setdefault(sentence, at)
    return repeats
