"""Features of a block that it shares with its group: the blocks of the page whose elements have the same tags and classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interloom.stages.extract_html.arrays import Ints, PageArrays
from interloom.stages.extract_html.page import Block
from interloom.stages.extract_html.rows import Floats, stacked


def block_groups(blocks: Sequence[Block]) -> Ints:
    """The number of each block's group, by the tag and class of its block-level element and of the parent of that."""
    numbers: dict[tuple[str | None, ...], int] = {}
    groups = []
    for block in blocks:
        node = block.node
        parent = node.parent
        names = (None, None) if parent is None else (parent.tag, parent.attributes.get("class"))
        key = (node.tag, node.attributes.get("class"), *names)
        groups.append(numbers.setdefault(key, len(numbers)))
    return np.array(groups, np.int64)


def group_features(groups: Ints, arrays: PageArrays, ends_sentence: NDArray[Any], in_article: NDArray[Any]) -> Floats:
    """For each block, of its group: blocks, text and its share of the page, words, links, sentences, article, place in the page.

    `ends_sentence` and `in_article` say for each block whether it ends with a sentence, and is in Readability's article.
    """
    chars, page_blocks = arrays.chars, len(groups)
    blocks, text = group_sums(groups, np.ones(page_blocks)), group_sums(groups, chars)
    numbers = np.arange(page_blocks)
    first, last = np.full(len(blocks), page_blocks), np.zeros(len(blocks), np.int64)
    np.minimum.at(first, groups, numbers)
    np.maximum.at(last, groups, numbers)
    features = (
        blocks,
        text,
        text / chars.sum(),
        group_sums(groups, arrays.spaces + 1) / blocks,
        group_sums(groups, arrays.link_chars) / text,
        group_sums(groups, ends_sentence) / blocks,
        group_sums(groups, in_article) / blocks,
        group_sums(groups, in_article * chars) / text,
        first / page_blocks,
        (last - first + 1) / blocks,
    )
    return stacked(features, len(blocks))[:, groups]


def group_sums(groups: Ints, values: NDArray[Any]) -> NDArray[Any]:
    """For each group, the sum of the values of its blocks."""
    sums: NDArray[Any] = np.bincount(groups, values)
    return sums
