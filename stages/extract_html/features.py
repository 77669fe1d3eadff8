"""The features of a block of text by which the page model distinguishes main content from boilerplate.

Position, article and group features are computed in `position_features.py`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from interloom.stages.extract_html.arrays import IS_HEADING, SENTENCE_ENDS, START_CHARS, TAG_CODES, PageArrays
from interloom.stages.extract_html.class_names import ALL_HINTS, BIT, NAMES
from interloom.stages.extract_html.group_features import block_groups, group_features
from interloom.stages.extract_html.metadata import PageMetadata
from interloom.stages.extract_html.page import Block, Node, Page
from interloom.stages.extract_html.phrases import PHRASE_KINDS, phrase_bits
from interloom.stages.extract_html.position_features import (
    ENDS_SENTENCE,
    OWN_SUMMED,
    article_features,
    enclosing_blocks,
    enclosing_node_features,
    neighbour_features,
    position_features,
)
from interloom.stages.extract_html.readability.article import Article
from interloom.stages.extract_html.rows import Floats, stacked
from interloom.stages.extract_html.second_look import Surroundings
from interloom.stages.extract_html.stated_text import stated_features

_NEGATIVE_HINTS = sum(BIT.values()) - BIT["article_body"] - BIT["content"] - BIT["summary"] - BIT["image"]
_MOST_OF_PAGE = 0.5
"""A node with a larger share of the page's text keeps no hint that it is boilerplate. Our choice."""
_MAX_PHRASE_CHARS = 100
"""Longer blocks are not searched for boilerplate phrases, nor compared with the title. Our choice."""
_PHRASE_BITS = np.arange(PHRASE_KINDS)[:, None]
_TAG_CLASSES = ("p", "li", "h1", "h2", "h3", "tr", "pre", "blockquote", "figcaption", "div", "dd", "button")
_SAME_CLASS = {"h3": ("h4", "h5", "h6"), "tr": ("td", "th", "table", "tbody", "caption"), "dd": ("dt",)}
_HINT_BITS = np.arange(len(NAMES))[:, None]
_NEAR_ANCESTORS = 2
_WORD = re.compile(r"\w+")


def _one_hot_tags() -> Floats:
    """By the code of a tag: a column with a 1 in the row of its class of tags; tags of no class count as `div`."""
    columns = np.zeros((len(_TAG_CLASSES), len(TAG_CODES) + 1), np.float32)
    class_of = {name: name for name in _TAG_CLASSES} | {tag: name for name, tags in _SAME_CLASS.items() for tag in tags}
    classes = [class_of.get(tag, "div") for tag in ("", *TAG_CODES)]
    columns[[_TAG_CLASSES.index(name) for name in classes], np.arange(len(classes))] = 1
    return columns


_ONE_HOT_TAGS = _one_hot_tags()


@dataclass(frozen=True, slots=True)
class BlockFeatures:
    """Features of the blocks of a page: one column for each, and what the features of the second trees are computed from.

    The first `own_rows` are those that the second trees see, too; the others are those of the blocks' groups.
    """

    columns: Floats
    own_rows: int
    around: Surroundings


def features(page: Page, arrays: PageArrays, metadata: PageMetadata, article: Article) -> BlockFeatures:
    """The features of all blocks. `page_model.json` was trained on these rows: after a change it must be grown again."""
    blocks = page.blocks
    hand_down_hints(page, [0, *arrays.chars.cumsum().tolist()])
    own = _own_features(blocks, arrays, metadata.title)
    sums = np.zeros((OWN_SUMMED, len(blocks) + 1))
    own[:OWN_SUMMED].cumsum(axis=1, out=sums[:, 1:], dtype=np.float64)
    around = Surroundings(arrays.chars, *enclosing_blocks(blocks), block_groups(blocks))
    rows = [
        own,
        _tag_and_hint_features(blocks, arrays),
        enclosing_node_features(around.first, around.last, sums),
        position_features(own, sums, article),
        neighbour_features(own),
        article_features(blocks, arrays, article),
        stated_features(blocks, arrays, metadata.stated),
    ]
    of_groups = group_features(around.groups, arrays, own[ENDS_SENTENCE], article.contains[arrays.block_nodes])
    columns: Floats = np.concatenate([*rows, of_groups])
    return BlockFeatures(columns, len(columns) - len(of_groups), around)


def _own_features(blocks: list[Block], arrays: PageArrays, title: str) -> Floats:
    """Features of the text of each block alone; the first rows are named in `position_features.py`."""
    texts = [block.text for block in blocks]
    occurrences = Counter(texts)
    title_words = frozenset(_WORD.findall(title.lower()))
    chars, words, start_chars = arrays.chars, arrays.spaces + 1, np.minimum(arrays.chars, START_CHARS)
    words_of = [_WORD.findall(text.lower()) if len(text) < _MAX_PHRASE_CHARS else () for text in texts]
    phrases = np.array([phrase_bits(words_of_text) for words_of_text in words_of])
    features = [
        chars,
        arrays.link_chars,
        words,
        arrays.link_chars / chars,
        arrays.commas,
        [text[-1] in SENTENCE_ENDS for text in texts],
        IS_HEADING[arrays.tags[arrays.block_nodes]],
        chars / words,
        arrays.capitals / start_chars,
        arrays.digits / start_chars,
        [text[0].islower() for text in texts],
        arrays.sentences,
        [occurrences[text] for text in texts],
        [block.node.depth for block in blocks],
        arrays.copyright_signs > 0,
        [len(title_words.intersection(words)) / len(words) if words else 0.0 for words in words_of],
        *(phrases >> _PHRASE_BITS & 1),
    ]
    return stacked(features, len(blocks))


def hand_down_hints(page: Page, chars_before: Sequence[float]) -> None:
    """Sets `depth` and `path_hints` of every node; `chars_before` has the characters of the blocks before each block.

    A node with most of the page's text in it is not boilerplate, whatever its class is, so it hands down no such hint.
    """
    most = chars_before[-1] * _MOST_OF_PAGE
    for node in page.nodes:
        parent, hints = node.parent, node.own_hints
        if parent is None:
            node.depth = node.path_hints = 0
            continue
        node.depth = parent.depth + 1
        if hints:
            if node.tag == "body":
                hints = 0
            elif hints & _NEGATIVE_HINTS and chars_before[node.block_end] - chars_before[node.block_start] > most:
                hints &= ~_NEGATIVE_HINTS
            node.path_hints = parent.path_hints | hints
        else:
            node.path_hints = parent.path_hints


def _tag_and_hint_features(blocks: list[Block], arrays: PageArrays) -> Floats:
    """The class of a block's tag, one-hot; for each hint, 1 if it is in `path_hints`, plus 1 if a near node has it."""
    on_path = np.array([block.inner_node.path_hints & ALL_HINTS for block in blocks], np.int32)
    near = np.array([_near_hints(block.inner_node) & ALL_HINTS for block in blocks], np.int32)
    hint_counts = (on_path >> _HINT_BITS & 1) + (near >> _HINT_BITS & 1)
    return np.concatenate([_ONE_HOT_TAGS[:, arrays.tags[arrays.block_nodes]], hint_counts], dtype=np.float32)


def _near_hints(node: Node) -> int:
    """The hints of the node, its parent and its grandparent, below `body`."""
    bits = node.own_hints
    for _ in range(_NEAR_ANCESTORS):
        if node.parent is None or node.parent.tag == "body":
            break
        node = node.parent
        bits |= node.own_hints
    return bits
