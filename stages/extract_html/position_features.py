"""Features of a block that depend on the rest of the page: its position, the nodes around it, its neighbours, the article."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from interloom.stages.extract_html.arrays import PageArrays
from interloom.stages.extract_html.page import Block, Node
from interloom.stages.extract_html.readability.article import Article
from interloom.stages.extract_html.rows import Floats, columns_to_rows

# The first columns of a block's own features.
_CHARS = 0
_LINK_CHARS = 1
_WORDS = 2
_LINK_DENSITY = 3
ENDS_SENTENCE = 5
_IS_HEADING = 6
OWN_SUMMED = 7
"""The columns before this one are summed over the blocks of a node."""

_GAIN_OFFSET = 45
"""Characters that a block needs to count as running text in the densest window. Our choice."""
_LONG_WORDS = 15
"""A block with as many words is running text, if less than half of it is links. Our choice."""
_MAX_LINK_DENSITY = 0.5
_FAR = 99
"""Distance in blocks to a heading or to running text if the page has none."""
_NEIGHBOURS = 3
"""Blocks before, and after, whose features are a block's features, too."""
_NEIGHBOUR_COLUMNS = (_CHARS, _LINK_DENSITY, ENDS_SENTENCE, _IS_HEADING)
_ENCLOSING_NODES = 2
_ENCLOSING_COLUMNS = 8
_SMOOTHED_BLOCKS = 5


def _densest_window(own: Floats) -> tuple[int, int]:
    """First and last (exclusive) block of the run of blocks with the greatest sum of gains (maximum subarray, Kadane).

    A block gains its characters without links, less those in links, less 45: running text gains, links and scraps lose.
    """
    gains = (own[:, _CHARS] * (1 - 2 * own[:, _LINK_DENSITY]) - _GAIN_OFFSET).tolist()
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
    larger_nodes: dict[int, Node] = {}

    def larger(node: Node) -> Node:
        ancestor = larger_nodes.get(node.number)
        if ancestor is None:
            ancestor, size = node, node.block_end - node.block_start
            while ancestor.parent is not None and ancestor.block_end - ancestor.block_start == size:
                ancestor = ancestor.parent
            larger_nodes[node.number] = ancestor
        return ancestor

    nearest = [block.node if block.node.block_end - block.node.block_start > 1 else larger(block.node) for block in blocks]
    nodes = (*nearest, *[larger(node) for node in nearest])
    shape = _ENCLOSING_NODES, len(blocks)
    starts, ends = [node.block_start for node in nodes], [node.block_end for node in nodes]
    return np.array(starts).reshape(shape), np.array(ends).reshape(shape)


def enclosing_node_features(first: NDArray[Any], last: NDArray[Any], sums: NDArray[Any]) -> Floats:
    """For each of the two enclosing nodes: its text, links and blocks, and the block's position in it.

    `first` and `last` are those of `enclosing_blocks`; `sums` has the cumulative sums of the blocks' own features,
    (blocks + 1, 7).
    """
    blocks = first.shape[1]
    inside = sums[last] - sums[first]
    count = np.maximum(last - first, 1)
    chars = np.maximum(inside[:, :, _CHARS], 1)
    rows = np.empty((blocks, _ENCLOSING_NODES, _ENCLOSING_COLUMNS), np.float32)
    columns = (
        chars,
        inside[:, :, _LINK_CHARS] / chars,
        count,
        inside[:, :, _WORDS] / count,
        inside[:, :, ENDS_SENTENCE] / count,
        inside[:, :, _IS_HEADING] / count,
        (np.arange(blocks) - first) / count,
        chars / max(sums[-1, _CHARS], 1),
    )
    for n, column in enumerate(columns):
        rows[:, :, n] = column.T
    return rows.reshape(blocks, _ENCLOSING_NODES * _ENCLOSING_COLUMNS)


def position_features(own: Floats, sums: NDArray[Any], article: Article) -> Floats:
    """Where a block is in the page, in the article, in the densest window, and from headings and running text."""
    count = len(own)
    total = max(sums[-1, _CHARS], 1)
    columns: list[Any] = [
        np.arange(count) / max(count, 1),
        sums[:-1, _CHARS] / total,
        np.full(count, total),
        np.full(count, count),
        np.full(count, sums[-1, _LINK_CHARS] / total),
    ]
    top = article.top_candidate
    for first, last in ((top.block_start, top.block_end) if top is not None else (0, count), _densest_window(own)):
        columns += _span_features(first, max(last, first + 1) if count else last, sums)
    return columns_to_rows([*columns, *_distances(own)])


def _span_features(first: int, last: int, sums: NDArray[Any]) -> list[Any]:
    """Where each block is relative to the blocks `first` to `last` (exclusive), and how much text and links these have."""
    count, chars = len(sums) - 1, sums[:, _CHARS]
    numbers, inside = np.arange(count), chars[last] - chars[first]
    return [
        (numbers >= first) & (numbers < last),
        numbers - first,
        last - 1 - numbers,
        (chars[:-1] - chars[first]) / max(inside, 1),
        np.full(count, inside / max(chars[-1], 1)),
        np.full(count, (sums[last, _LINK_CHARS] - sums[first, _LINK_CHARS]) / max(inside, 1)),
    ]


def _distances(own: Floats) -> list[NDArray[Any]]:
    """Blocks since the last heading, until the next running text, and since the last running text; 99 without any."""
    count = len(own)
    numbers = np.arange(count)
    headings = np.flatnonzero(own[:, _IS_HEADING])
    before = np.searchsorted(headings, numbers, side="right") - 1
    since_heading = np.where(before >= 0, numbers - headings[np.maximum(before, 0)] if len(headings) else _FAR, _FAR)
    long = np.flatnonzero((own[:, _WORDS] >= _LONG_WORDS) & (own[:, _LINK_DENSITY] < _MAX_LINK_DENSITY))
    if not len(long):
        return [since_heading, np.full(count, _FAR), np.full(count, _FAR)]
    n = np.searchsorted(long, numbers)
    until_long = np.where(n < len(long), long[np.minimum(n, len(long) - 1)] - numbers, _FAR)
    since_long = np.where(n > 0, numbers - long[np.maximum(n - 1, 0)], _FAR)
    return [since_heading, until_long, since_long]


def article_features(blocks: list[Block], arrays: PageArrays, article: Article) -> Floats:
    """Whether a block is in Readability's article, whether its neighbours are, and how much of the page the article is."""
    contained = article.contains[arrays.block_nodes].astype(np.float32)
    inner_contained = article.contains[[block.inner_node.number for block in blocks]].astype(np.float32)
    weights = np.full(_SMOOTHED_BLOCKS, 1 / _SMOOTHED_BLOCKS, np.float32)
    smoothed = np.convolve(contained, weights)[2 : len(contained) + 2]
    in_top_candidate = np.zeros(len(blocks), np.float32)
    if article.top_candidate is not None:
        in_top_candidate[article.top_candidate.block_start : article.top_candidate.block_end] = 1
    ones = np.ones(len(blocks), np.float32)
    columns = [contained, inner_contained, in_top_candidate, smoothed, ones * article.chars, ones * contained.mean()]
    return np.stack(columns, axis=1)


def neighbour_features(own: Floats) -> Floats:
    """Characters, link density, end of sentence, heading of the three blocks before and the three after; 0 beyond the page."""
    count, watched = len(own), own[:, _NEIGHBOUR_COLUMNS]
    rows = np.zeros((count, 2 * _NEIGHBOURS, len(_NEIGHBOUR_COLUMNS)), np.float32)
    for n, step in enumerate(range(-_NEIGHBOURS, 0)):
        rows[-step:, n] = watched[:step]
        rows[: max(count + step, 0), 2 * _NEIGHBOURS - 1 - n] = watched[-step:]
    return rows.reshape(count, 2 * _NEIGHBOURS * len(_NEIGHBOUR_COLUMNS))
