"""Decides which blocks of a page are main content: a probability from boosted decision trees, then rules for the whole page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interloom.stages.extract_html.arrays import Ints, PageArrays
from interloom.stages.extract_html.block_text import CELL_SEPARATOR
from interloom.stages.extract_html.class_names import BIT
from interloom.stages.extract_html.features import features
from interloom.stages.extract_html.metadata import PageMetadata
from interloom.stages.extract_html.page import Block, Page
from interloom.stages.extract_html.page_model import PageModel, page_model
from interloom.stages.extract_html.readability.article import Article
from interloom.stages.extract_html.readability.data_tables import is_data_table

_MAX_THRESHOLD = 0.55
"""A block is main content above this probability. Our choice."""
_THRESHOLD_SHARE = 0.7
"""On pages unlike all that the model knows, the threshold is this share of the mean probability. Our choice."""
_MIN_PROBABILITY = 0.2
"""Less probable blocks do not count for that mean. Our choice."""
_SMALL_PAGE_THRESHOLD = 0.15
"""The threshold on a small page, which is nearly all content. Our choice."""
_SMALL_PAGE_CHARS = 3000
"""A page with more characters is not small. Our choice."""
_SMALL_PAGE_BLOCKS = 12
"""A small page has at most as many blocks, or at most `_TINY_PAGE_CHARS`. Our choice."""
_TINY_PAGE_CHARS = 1500
_NEVER_CONTENT = sum(BIT[name] for name in ("nav", "footer", "hidden", "overlay", "ad", "related", "share", "signup"))
"""Hints that keep a block out of the content of a small page."""
_MIN_SENTENCE_CHARS = 25
"""Shorter sentences do not count as repeated. Our choice."""
_REPEATED_SHARE = 0.7
"""A block with this share of its sentences in earlier blocks may be a repetition. Our choice."""
_MIN_REPEATED_BLOCKS = 3
"""It is one if the sentences come from as many blocks. Our choice."""
_LINK_SHARE = 0.8
"""Rows of a layout table with so large a share of links are navigation. Our choice."""
_MIN_OTHER_CHARS = 500
"""Navigation rows stay on a page that has less other text: it may be an index. Our choice."""


def content_probabilities(
    page: Page, arrays: PageArrays, metadata: PageMetadata, article: Article, model: PageModel | None = None
) -> NDArray[Any]:
    """For each block, the probability that it is main content, by `model` or by that of `page_model.json`."""
    if not page.blocks:
        return np.zeros(0)
    return (model or page_model()).probabilities(features(page, arrays, metadata, article))


def thread_blocks(page: Page, is_content: Sequence[bool]) -> list[bool]:
    """For each block of a page with posts, whether it is main content: what is in a post, and titles above the first one.

    What else is in `is_content` counts if there is an article beside the posts, unless it is in a comment: bylines, controls.
    """
    in_posts = [
        page.holds_article and keep and not block.inner_node.path_hints & BIT["comment"]
        for block, keep in zip(page.blocks, is_content, strict=True)
    ]
    first = min((post.block_start for post, _ in page.posts), default=0)
    own = _own_start(page)
    for n, block in enumerate(page.blocks[:first]):
        may_be = block.node.tag in ("h2", "h3") if n < own else block.node.tag == "h2" and not block.link_chars
        is_title = is_content[n] and may_be
        in_posts[n] = in_posts[n] or block.node.tag == "h1" or is_title
    for post, _ in page.posts:
        in_posts[post.block_start : post.block_end] = [True] * (post.block_end - post.block_start)
    return in_posts


def _own_start(page: Page) -> int:
    """The first block of what belongs to the first post alone: the largest element around it without the second one."""
    (holder, _), *others = page.posts or [(page.nodes[0], "")]
    end = others[0][0].number if others else holder.end
    while holder.parent is not None and holder.parent.end <= end:
        holder = holder.parent
    return holder.block_start


def with_formulas(page: Page, is_content: Sequence[bool]) -> list[bool]:
    """`is_content` with each formula that stands alone, if the text before or after it is main content."""
    chosen = list(is_content)
    for n, block in enumerate(page.blocks):
        if block.node.tag == "math":
            before = chosen[n - 1] if n else False
            after = next((chosen[m] for m in range(n + 1, len(chosen)) if page.blocks[m].node.tag != "math"), False)
            chosen[n] = before or after
    return chosen


def without_link_rows(page: Page, is_content: Sequence[bool]) -> list[bool]:
    """`is_content` without rows and cells of layout tables that are nearly all links, if enough other text is left."""
    rows = [
        n
        for n, block in enumerate(page.blocks)
        if is_content[n]
        and block.link_chars >= _LINK_SHARE * len(block.text.replace(CELL_SEPARATOR, ""))
        and (table := block.node.closest("table")) is not None
        and not is_data_table(page.nodes, table)
    ]
    others = sum(len(block.text) for block, keep in zip(page.blocks, is_content, strict=True) if keep)
    if others - sum(len(page.blocks[n].text) for n in rows) < _MIN_OTHER_CHARS:
        return list(is_content)
    left_out = set(rows)
    return [keep and n not in left_out for n, keep in enumerate(is_content)]


def content_blocks(page: Page, chars: Ints, probabilities: NDArray[Any]) -> list[bool]:
    """For each block, whether it is main content and does not repeat earlier main content; `chars` are the blocks' lengths."""
    blocks, total = page.blocks, int(chars.sum())
    if total <= _SMALL_PAGE_CHARS and (len(blocks) <= _SMALL_PAGE_BLOCKS or total <= _TINY_PAGE_CHARS):
        is_content = [
            probability > _SMALL_PAGE_THRESHOLD and not block.inner_node.path_hints & _NEVER_CONTENT
            for probability, block in zip(probabilities, blocks, strict=True)
        ]
    else:
        threshold = min(_MAX_THRESHOLD, _THRESHOLD_SHARE * _mean_probability(chars, probabilities))
        is_content = [bool(probability > threshold) for probability in probabilities]
    first_blocks: dict[str, int] = {}
    for n, block in enumerate(blocks):
        if is_content[n]:
            is_content[n] = not _is_repetition(block, n, first_blocks)
    return is_content


def _mean_probability(chars: Ints, probabilities: NDArray[Any]) -> float:
    """The mean probability of the characters of all blocks that may be main content; 0.2 at least."""
    weights = chars * (probabilities > _MIN_PROBABILITY)
    if not weights.any():
        return _MIN_PROBABILITY
    return max(float((weights * probabilities).sum() / weights.sum()), _MIN_PROBABILITY)


def _is_repetition(block: Block, number: int, first_blocks: dict[str, int]) -> bool:
    """Whether most sentences of a block are in three or more earlier blocks: some pages hold their text a second time.

    `first_blocks` has for each sentence the number of its first block; the sentences of this block are added.
    """
    if len(block.text) < _MIN_SENTENCE_CHARS:
        return False
    sentences = _sentences(block.text)
    repeated = [sentence for sentence in sentences if sentence in first_blocks]
    earlier = {first_blocks[sentence] for sentence in repeated} if repeated else ()
    is_repetition = len(earlier) >= _MIN_REPEATED_BLOCKS and _chars(repeated) >= _REPEATED_SHARE * _chars(sentences)
    for sentence in sentences:
        first_blocks.setdefault(sentence, number)
    return is_repetition


def _sentences(text: str) -> list[str]:
    """Lower-case sentences of 25 or more characters: `"This one is long enough to count. No."` ->
    `["this one is long enough to count"]`."""
    parts = (text.replace("\n", ". ") if "\n" in text else text).split(". ")
    return [part.rstrip(".!? ").lower() for part in parts if len(part) >= _MIN_SENTENCE_CHARS]


def _chars(sentences: Sequence[str]) -> int:
    return sum(map(len, sentences))
