"""Removes boilerplate from an article as Readability.js does (`_prepArticle`).

Footers, asides, buttons, frames without a video, and share elements are always removed; forms, tables, lists and `div` elements
are cleaned conditionally, by what they hold: many links, images without text, inputs, little text.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from interloom.stages.extract_html.arrays import TAG_CODES, PageArrays
from interloom.stages.extract_html.page import Node, Page, children
from interloom.stages.extract_html.readability.conditions import (
    GOOD_WEIGHT,
    MAX_NOTICE_CHARS,
    may_be_boilerplate,
    meets_a_condition,
)
from interloom.stages.extract_html.readability.counts import CHARS, FRAME_TAGS, IMAGES, LIST_ITEMS, cumulative_counts
from interloom.stages.extract_html.readability.data_tables import is_data_table
from interloom.stages.extract_html.readability.name_patterns import SHARE_ELEMENT, class_weight
from interloom.stages.extract_html.readability.paragraphs import IS_PARAGRAPH

# The flags of an attempt, as Readability.js names them.
STRIP_UNLIKELY = 1
WEIGHT_CLASSES = 2
CLEAN_CONDITIONALLY = 4

_IS_CONDITIONAL_TAG = TAG_CODES.mask(("form", "fieldset", "table", "ul", "div"))
_ALWAYS_REMOVED_TAGS = frozenset(("footer", "aside", "button"))
_IS_CHECKED_TAG = TAG_CODES.mask((*_ALWAYS_REMOVED_TAGS, *FRAME_TAGS, "h1", "h2"))
_IS_FRAME_TAG = TAG_CODES.mask(FRAME_TAGS)
_IS_LIST_TAG = TAG_CODES.mask(("ul", "ol"))
_TABLE = TAG_CODES["table"]
_CODE = TAG_CODES["code"]
_MAX_SHARE_CHARS = 500
"""A share element with more text stays (Readability.js, DEFAULT_CHAR_THRESHOLD)."""
_LIST_SHARE = 0.9
"""A node counts as a list if its lists hold more than this share of its characters (Readability.js, _cleanConditionally)."""
# Readability.js, REGEXPS.videos
_VIDEO = re.compile(
    r"//(?:www\.)?(?:(?:dailymotion|youtube|youtube-nocookie|player\.vimeo|v\.qq|bilibili|live\.bilibili)\.com"
    r"|(?:archive|upload\.wikimedia)\.org|player\.twitch\.tv)",
    re.IGNORECASE,
)
# Readability.js, REGEXPS.adWords and REGEXPS.loadingWords
_NOTICE = re.compile(
    r"(?:ad(?:vertising|vertisement)?|pub(?:licité)?|werb(?:ung)?|广告|реклама|anuncio|(?:loading|正在加载|загрузка|chargement|cargando)(?:…|\.\.\.)?)",
    re.IGNORECASE,
)


def clean_article(
    page: Page, arrays: PageArrays, root: Node, removed: bytearray, paragraphs: NDArray[np.int64], flags: int
) -> None:
    """Sets in `removed` the nodes in `root` that are boilerplate.

    The deepest nodes are checked first, and what is removed does not count for the nodes around it. `paragraphs` is the result of
    `count_paragraphs`; `flags` are those of the attempt.
    """
    cleaner = _Cleaner(page, arrays, root, removed, paragraphs, flags)
    hints, tags = arrays.hints[root.number : root.end], arrays.tags[root.number : root.end]
    conditional = np.zeros(len(tags), np.bool_)
    if flags & CLEAN_CONDITIONALLY:
        conditional = _IS_CONDITIONAL_TAG[tags] & (paragraphs[root.number : root.end] != IS_PARAGRAPH)
    checked = np.flatnonzero(conditional | _IS_CHECKED_TAG[tags] | (hints & SHARE_ELEMENT != 0))[::-1]
    ends = arrays.ends[root.number : root.end][checked] - root.number
    counts_of = (cleaner.sums.take(ends, axis=1) - cleaner.sums.take(checked, axis=1)).T.tolist()
    for n, all_counts, is_conditional in zip(checked.tolist(), counts_of, conditional[checked].tolist(), strict=True):
        node = page.nodes[root.number + n]
        if not removed[node.number]:
            counts = cleaner.without_removed(node, all_counts)
            if cleaner.is_always_removed(node, counts) or (is_conditional and cleaner.is_boilerplate(node, counts)):
                cleaner.remove(node, counts)


class _Cleaner:
    """Checks nodes by their counts, less the counts of what has been removed from them."""

    def __init__(
        self, page: Page, arrays: PageArrays, root: Node, removed: bytearray, paragraphs: NDArray[np.int64], flags: int
    ) -> None:
        self.page, self.nodes, self.root, self.removed = page, page.nodes, root, removed
        self.weighs_classes = bool(flags & WEIGHT_CLASSES)
        self.sums = cumulative_counts(page, arrays, root, removed, paragraphs)
        self.removed_counts: list[tuple[int, list[int]]] = []  # node numbers, descending, with the counts removed there
        self.data_tables: dict[int, bool] = {}  # by number, as far as asked for
        tags = arrays.tags[root.number : root.end]
        tables = (np.flatnonzero(tags == _TABLE) + root.number).tolist()
        self.tables = [number for number in tables if self.is_data_table(self.nodes[number])]
        self.frames: list[int] = (np.flatnonzero(_IS_FRAME_TAG[tags]) + root.number).tolist()
        self.linked_media = [m.node.number for m in page.media if m.link and not m.link.startswith("#")]
        self.lists: list[int] = (np.flatnonzero(_IS_LIST_TAG[tags]) + root.number).tolist()
        self.has_code = bool((tags == _CODE).any())

    def without_removed(self, node: Node, counts: list[int]) -> list[int]:
        """The counts of a node less those of the nodes in it that have been removed, whose sum takes their place."""
        inside: list[int] = []
        while self.removed_counts and self.removed_counts[-1][0] < node.end:
            _, removed = self.removed_counts.pop()
            inside = [sum(pair) for pair in zip(inside, removed, strict=True)] if inside else removed
        if not inside:
            return counts
        self.removed_counts.append((node.number, inside))
        return [count - less for count, less in zip(counts, inside, strict=True)]

    def remove(self, node: Node, counts: list[int]) -> None:
        """Removes the node with all its descendants."""
        while self.removed_counts and self.removed_counts[-1][0] < node.end:
            self.removed_counts.pop()
        self.removed_counts.append((node.number, counts))
        self.removed[node.number : node.end] = b"\x01" * (node.end - node.number)

    def is_always_removed(self, node: Node, counts: Sequence[int]) -> bool:
        tag = node.tag
        if tag in _ALWAYS_REMOVED_TAGS or (tag in FRAME_TAGS and not _is_video(node)):
            return True
        if tag in ("h1", "h2") and self.class_weight(node) < 0:
            return True
        return bool(node.own_hints & SHARE_ELEMENT) and node is not self.root and counts[CHARS] < _MAX_SHARE_CHARS

    def class_weight(self, node: Node) -> int:
        return class_weight(node.own_hints) if self.weighs_classes else 0

    def is_boilerplate(self, node: Node, counts: Sequence[int]) -> bool:
        """Whether conditional cleaning removes the node (Readability.js, _cleanConditionally)."""
        weight = self.class_weight(node)
        if weight >= 0 and not may_be_boilerplate(counts):
            return False
        if (self.tables or self.has_code) and self.is_data_or_code(node):
            return False
        return weight < 0 or self.is_cleaned(node, weight, counts)

    def is_cleaned(self, node: Node, weight: int, counts: Sequence[int]) -> bool:
        chars = counts[CHARS]
        if self.holds_video(node):
            return False
        if 0 < chars < MAX_NOTICE_CHARS and self.is_notice(node):
            return True
        is_list = node.tag in ("ul", "ol") or self.list_chars(node) > _LIST_SHARE * max(chars, 1)
        keeps_images = node.closest("figure") is not None
        if not meets_a_condition(counts, is_list, keeps_images, self.is_album(node, chars), weight >= GOOD_WEIGHT):
            return False
        return not (is_list and self.is_image_list(node, counts))

    def is_album(self, node: Node, chars: int) -> bool:
        """Whether the node has neither text nor linked images. Readability removes such a node; we keep it."""
        return chars == 0 and next(_descendants_among(node, self.linked_media), None) is None

    def is_data_or_code(self, node: Node) -> bool:
        """Whether the node holds a data table, or is in one or in code."""
        start = node if node.tag == "table" or node.parent is None else node.parent
        ancestor = start.closest("table", "code")
        if self.holds_data_table(node):
            return True
        return ancestor is not None and (ancestor.tag == "code" or self.is_data_table(ancestor))

    def is_image_list(self, node: Node, counts: Sequence[int]) -> bool:
        """Whether each item of a list is one image; Readability keeps such a list."""
        items = children(self.nodes, node)
        return counts[IMAGES] == counts[LIST_ITEMS] and all(len(children(self.nodes, item)) <= 1 for item in items)

    def list_chars(self, node: Node) -> int:
        """Characters in the outermost lists inside the node."""
        chars, after = 0, node.number
        for number in _descendants_among(node, self.lists):
            if number >= after:
                chars += 0 if self.removed[number] else self.chars(self.nodes[number])
                after = self.nodes[number].end
        return chars

    def chars(self, node: Node) -> int:
        start = self.root.number
        counts = (self.sums[:, node.end - start] - self.sums[:, node.number - start]).tolist()
        return self.without_removed(node, counts)[CHARS]

    def is_notice(self, node: Node) -> bool:
        """Whether the whole text says "Advertisement" or "Loading"."""
        text = " ".join(block.text for block in self.page.blocks[node.block_start : node.block_end])
        return _NOTICE.fullmatch(text.strip()) is not None

    def holds_video(self, node: Node) -> bool:
        return any(not self.removed[number] for number in _descendants_among(node, self.frames))

    def holds_data_table(self, node: Node) -> bool:
        return next(_descendants_among(node, self.tables), None) is not None

    def is_data_table(self, table: Node) -> bool:
        known = self.data_tables.get(table.number)
        if known is None:
            known = self.data_tables[table.number] = is_data_table(self.nodes, table)
        return known


def _descendants_among(node: Node, numbers: Sequence[int]) -> Iterator[int]:
    """Those of the ascending node numbers that are descendants of a node."""
    for at in range(bisect_right(numbers, node.number), len(numbers)):
        if numbers[at] >= node.end:
            return
        yield numbers[at]


def _is_video(node: Node) -> bool:
    return any(_VIDEO.search(value) for value in node.attributes.values() if value)
