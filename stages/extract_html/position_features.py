"""Features of a block that depend on the rest of the page: its position, the nodes around it, its neighbours, the article."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interloom.stages.extract_html.arrays import PageArrays
from interloom.stages.extract_html.page import Block, Node
from interloom.stages.extract_html.readability.article import Article
from interloom.stages.extract_html.rows import Floats, stacked

# The first rows of a block's own features.
_CHARS = 0
_LINK_CHARS = 1
_WORDS = 2
_LINK_DENSITY = 3
ENDS_SENTENCE = 5
_IS_HEADING = 6
OWN_SUMMED = 7
"""The rows before this one are summed over the blocks of a node."""

_GAIN_OFFSET = 45
"""Characters that a block needs to count as running text in the densest window. Our choice."""
_LONG_WORDS = 15
"""A block with as many words is running text, if less than half of it is links. Our choice."""
_MAX_LINK_DENSITY = 0.5
_FAR = 99
"""Distance in blocks to a heading or to running text if the page has none."""
_NEIGHBOURS = 3
"""Blocks before, and after, whose features are a block's features, too."""
_NEIGHBOUR_ROWS = (_CHARS, _LINK_DENSITY, ENDS_SENTENCE, _IS_HEADING)
_ENCLOSING_NODES = 2
_SMOOTHED_BLOCKS = 5


def _densest_window(own: Floats) -> tuple[int, int]:
    """First and last (exclusive) block of the run of blocks with the greatest sum of gains (maximum subarray, Kadane).

    A block gains its characters without links, less those in links, less 45: running text gains, links and scraps lose.
    """
    gains = (own[_CHARS] * (1 - 2 * own[_LINK_DENSITY]) - _GAIN_OFFSET).tolist()
    best, window, total, start = 0.0, (0, 0), 0.0, 0
    for n, gain in enumerate(gains):
        if total <= 0:
            total, start = 0.0, n
        total += gain
        if total > best:
            best, window = total, (start, n + 1)
    return window


def enclosing_blocks(blocks: list[Block]) -> tuple[NDArray[Any], NDArray[Any]]:
    """First and last (exclusive) block of the two nearest nodes around each block that hold more blocks than the node below.

    For `<div><p>a</p><p>b</p></div><p>c</p>` in `body`, block a has div (0 to 2) and body (0 to 3). Both arrays are (2, n).
    """
    larger = _LargerNodes()
    own = [block.node for block in blocks]
    nearest = [node if node.block_end - node.block_start > 1 else larger[node] for node in own]
    nodes = (*nearest, *[larger[node] for node in nearest])
    shape = _ENCLOSING_NODES, len(blocks)
    starts, ends = [node.block_start for node in nodes], [node.block_end for node in nodes]
    return np.array(starts).reshape(shape), np.array(ends).reshape(shape)


class _LargerNodes(dict[Node, Node]):
    """For each node the nearest ancestor that holds more blocks, or the root; computed when it is first asked for."""

    def __missing__(self, node: Node) -> Node:
        larger, size = node, node.block_end - node.block_start
        while larger.parent is not None and larger.block_end - larger.block_start == size:
            larger = larger.parent
        self[node] = larger
        return larger


def enclosing_node_features(first: NDArray[Any], last: NDArray[Any], sums: NDArray[Any]) -> Floats:
    """For each of the two enclosing nodes: its text, links and blocks, and the block's position in it.

    `first` and `last` are those of `enclosing_blocks`; `sums` has the cumulative sums of the blocks' own features,
    (7, blocks + 1).
    """
    blocks = first.shape[1]
    inside = sums[:, last] - sums[:, first]
    count = np.maximum(last - first, 1)
    chars = np.maximum(inside[_CHARS], 1)
    features = (
        chars,
        inside[_LINK_CHARS] / chars,
        count,
        inside[_WORDS] / count,
        inside[ENDS_SENTENCE] / count,
        inside[_IS_HEADING] / count,
        (np.arange(blocks) - first) / count,
        chars / max(sums[_CHARS, -1], 1),
    )
    rows = np.empty((_ENCLOSING_NODES, len(features), blocks), np.float32)
    for n, feature in enumerate(features):
        rows[:, n] = feature
    return rows.reshape(-1, blocks)


def position_features(own: Floats, sums: NDArray[Any], article: Article) -> Floats:
    """Where a block is in the page, in the article, in the densest window, and from headings and running text."""
    count, chars = own.shape[1], sums[_CHARS]
    total = max(chars[-1], 1)
    features: list[Any] = [
        np.arange(count) / max(count, 1),
        chars[:-1] / total,
        total,
        count,
        sums[_LINK_CHARS, -1] / total,
    ]
    top = article.top_candidate
    for first, last in ((top.block_start, top.block_end) if top is not None else (0, count), _densest_window(own)):
        features += _span_features(first, max(last, first + 1) if count else last, sums)
    return stacked([*features, *_distances(own)], count)


def _span_features(first: int, last: int, sums: NDArray[Any]) -> list[Any]:
    """Where each block is relative to the blocks `first` to `last` (exclusive), and how much text and links these have."""
    chars, links = sums[_CHARS], sums[_LINK_CHARS]
    numbers, inside = np.arange(len(chars) - 1), chars[last] - chars[first]
    return [
        (numbers >= first) & (numbers < last),
        numbers - first,
        last - 1 - numbers,
        (chars[:-1] - chars[first]) / max(inside, 1),
        inside / max(chars[-1], 1),
        (links[last] - links[first]) / max(inside, 1),
    ]


def _distances(own: Floats) -> list[Any]:
    """Blocks since the last heading, until the next running text, and since the last running text; 99 without any."""
    is_long = ((own[_WORDS] >= _LONG_WORDS) & (own[_LINK_DENSITY] < _MAX_LINK_DENSITY)).tolist()
    since_heading = _since_last(own[_IS_HEADING].tolist(), 0)
    return [since_heading, _since_last(is_long[::-1], 0)[::-1], _since_last(is_long, 1)]


def _since_last(flags: Sequence[float], least: int) -> list[int]:
    """For each place, how far back the last set flag is, if it is `least` places back; 99 without any."""
    distances, last = [], -1
    for n, flag in enumerate(flags):
        last = n if flag and not least else last
        distances.append(n - last if last >= 0 else _FAR)
        last = n if flag else last
    return distances


def article_features(blocks: list[Block], arrays: PageArrays, article: Article) -> Floats:
    """Whether a block is in Readability's article, whether its neighbours are, and how much of the page the article is."""
    contained = article.contains[arrays.block_nodes].astype(np.float32)
    inner_contained = article.contains[[block.inner_node.number for block in blocks]].astype(np.float32)
    weights = np.full(_SMOOTHED_BLOCKS, 1 / _SMOOTHED_BLOCKS, np.float32)
    smoothed = np.convolve(contained, weights)[2 : len(contained) + 2]
    in_top_candidate = np.zeros(len(blocks), np.float32)
    if article.top_candidate is not None:
        in_top_candidate[article.top_candidate.block_start : article.top_candidate.block_end] = 1
    return stacked([contained, inner_contained, in_top_candidate, smoothed, article.chars, contained.mean()], len(blocks))


def neighbour_features(own: Floats) -> Floats:
    """Characters, link density, end of sentence, heading of the three blocks before and the three after; 0 beyond the page."""
    count, watched = own.shape[1], own[_NEIGHBOUR_ROWS, :]
    rows = np.zeros((2 * _NEIGHBOURS, len(_NEIGHBOUR_ROWS), count), np.float32)
    for n, step in enumerate(range(-_NEIGHBOURS, 0)):
        rows[n, :, -step:] = watched[:, :step]
        rows[2 * _NEIGHBOURS - 1 - n, :, : max(count + step, 0)] = watched[:, -step:]
    return rows.reshape(-1, count)
