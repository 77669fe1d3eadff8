"""Counts what conditional cleaning decides by: paragraphs, images, list items, inputs and characters in each node."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from interloom.stages.extract_html.arrays import TAG_CODES, PageArrays
from interloom.stages.extract_html.page import Node, Page

# Rows of the counts; those from CHARS on are those of `PageArrays.node_text`.
PARAGRAPHS = 0
IMAGES = 1
LIST_ITEMS = 2
INPUTS = 3
CHARS = 4
LINK_CHARS = 5
COMMAS = 6
HEADING_CHARS = 7
_ROWS = 8

FRAME_TAGS = frozenset(("iframe", "object", "embed"))
_NOT_IMAGE_TAGS = FRAME_TAGS | {"source"}
_LI = TAG_CODES["li"]


def cumulative_counts(
    page: Page, arrays: PageArrays, root: Node, removed: bytearray, paragraphs: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Cumulative sums over the nodes from `root` to its last descendant, (8, nodes + 1); nodes in `removed` count nothing.

    Column b minus column a are the counts of the nodes `root.number + a` to `root.number + b` (exclusive).
    """
    start, end = root.number, root.end
    rows = np.zeros((_ROWS, end - start + 1), np.int64)
    counts = rows[:, 1:]
    counts[PARAGRAPHS] = np.abs(paragraphs[start:end])
    counts[LIST_ITEMS] = arrays.tags[start:end] == _LI
    for medium in page.media:
        n = medium.node.number
        if start <= n < end and medium.node.tag not in _NOT_IMAGE_TAGS and not _is_noscript_copy(page.nodes, n):
            counts[IMAGES, n - start] = 1
    for number in page.input_positions:
        if start < number <= end:
            counts[INPUTS, number - start - 1] += 1
    counts[CHARS:] = arrays.node_text[: _ROWS - CHARS, start:end]
    counts *= ~np.frombuffer(removed, np.bool_)[start:end]
    return rows.cumsum(axis=1)


def _is_noscript_copy(nodes: Sequence[Node], n: int) -> bool:
    """Whether node n is an image in the `noscript` behind the `img` that scripts load: the two count as one image."""
    parent = nodes[n].parent
    return n >= 2 and parent is not None and parent.tag == "noscript" and nodes[n - 2].tag == "img"
