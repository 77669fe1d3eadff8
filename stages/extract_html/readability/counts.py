"""Counts what conditional cleaning decides by: paragraphs, images, list items, inputs and characters in each node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interloom.stages.extract_html.arrays import IS_HEADING, TAG_CODES, PageArrays
from interloom.stages.extract_html.page import Node, Page

# Columns of the counts.
PARAGRAPHS = 0
IMAGES = 1
LIST_ITEMS = 2
INPUTS = 3
CHARS = 4
LINK_CHARS = 5
COMMAS = 6
HEADING_CHARS = 7
_COLUMNS = 8

FRAME_TAGS = frozenset(("iframe", "object", "embed"))
_NOT_IMAGE_TAGS = FRAME_TAGS | {"source"}
_LI = TAG_CODES["li"]


def cumulative_counts(
    page: Page, arrays: PageArrays, root: Node, removed: bytearray, paragraphs: NDArray[np.int64]
) -> NDArray[Any]:
    """Cumulative sums over the nodes from `root` to its last descendant, (nodes + 1, 8); nodes in `removed` count nothing.

    Row b minus row a are the counts of the nodes `root.number + a` to `root.number + b` (exclusive).
    """
    start, end = root.number, root.end
    present = ~np.frombuffer(removed, np.bool_)[start:end]
    rows = np.zeros((end - start + 1, _COLUMNS), np.int64)
    counts = rows[1:]
    counts[:, PARAGRAPHS] = np.abs(paragraphs[start:end])
    counts[:, LIST_ITEMS] = arrays.tags[start:end] == _LI
    for medium in page.media:
        n = medium.node.number
        if start <= n < end and medium.node.tag not in _NOT_IMAGE_TAGS and not _is_noscript_copy(page.nodes, n):
            counts[n - start, IMAGES] = 1
    for number in page.input_positions:
        if start < number <= end:
            counts[number - start - 1, INPUTS] += 1
    _count_text(counts, arrays, root)
    counts *= present[:, None]
    sums: NDArray[Any] = rows.cumsum(axis=0)
    return sums


def _count_text(counts: NDArray[Any], arrays: PageArrays, root: Node) -> None:
    """Fills the columns that count the text of blocks."""
    start, size = root.number, root.end - root.number
    blocks = slice(root.block_start, root.block_end)
    nodes = arrays.block_nodes[blocks] - start
    inside = (nodes >= 0) & (nodes < size)
    nodes = nodes[inside]
    chars = arrays.chars[blocks][inside]
    for column, values in (
        (CHARS, chars),
        (LINK_CHARS, arrays.link_chars[blocks][inside]),
        (COMMAS, arrays.commas[blocks][inside]),
        (HEADING_CHARS, np.where(IS_HEADING[arrays.tags[nodes + start]], chars, 0)),
    ):
        counts[:, column] = np.bincount(nodes, values, size)


def _is_noscript_copy(nodes: Sequence[Node], n: int) -> bool:
    """Whether node n is an image in the `noscript` behind the `img` that scripts load: the two count as one image."""
    parent = nodes[n].parent
    return n >= 2 and parent is not None and parent.tag == "noscript" and nodes[n - 2].tag == "img"
