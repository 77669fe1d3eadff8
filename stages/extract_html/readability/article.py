"""Finds the article of a page as Readability.js does (`_grabArticle`).

Unlikely candidates are stripped; each paragraph adds to the content scores of its ancestors; the top candidate and its matching
siblings are the article; conditional cleaning removes boilerplate from it. Images belong to the main content if they are in the
article; for text, being in the article is one of the features of `classifier.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from interloom.stages.extract_html.arrays import TAG_CODES, PageArrays
from interloom.stages.extract_html.page import Node, Page, children
from interloom.stages.extract_html.readability.cleaning import (
    CLEAN_CONDITIONALLY,
    STRIP_UNLIKELY,
    WEIGHT_CLASSES,
    clean_article,
)
from interloom.stages.extract_html.readability.name_patterns import (
    BYLINE,
    HIDDEN,
    MAYBE_CANDIDATE,
    UNLIKELY_CANDIDATE,
    UNLIKELY_ROLE,
    class_weight,
)
from interloom.stages.extract_html.readability.paragraphs import IS_PARAGRAPH, count_paragraphs
from interloom.stages.extract_html.readability.top_candidate import ROOT_TAGS, find_top_candidate

_ATTEMPTS = (STRIP_UNLIKELY | WEIGHT_CLASSES | CLEAN_CONDITIONALLY, WEIGHT_CLASSES | CLEAN_CONDITIONALLY, CLEAN_CONDITIONALLY, 0)
"""The flags of each attempt; the next one is made while the article found is too short (Readability.js, _grabArticle)."""
_MIN_ARTICLE_CHARS = 500
"""A shorter article leads to another attempt (Readability.js, DEFAULT_CHAR_THRESHOLD)."""
_MIN_PARAGRAPH_CHARS = 25
"""Shorter paragraphs are not scored (Readability.js, _grabArticle)."""
_CHARS_PER_POINT = 100
"""A paragraph scores a point for each 100 characters (Readability.js, _grabArticle)."""
_MAX_LENGTH_POINTS = 3
"""Points for length, at most (Readability.js, _grabArticle)."""
_MAX_BYLINE_CHARS = 100
"""A longer text is not a byline (Readability.js, _isValidByline)."""
_DIVISORS = (1, 2, 6, 9, 12)
"""What the points of a paragraph are divided by for each of its five nearest ancestors (Readability.js, _grabArticle)."""
_SIBLING_SHARE = 0.2
"""A sibling needs this share of the top score; one of the same class gets it as a bonus (Readability.js, _grabArticle)."""
_MIN_SIBLING_SCORE = 10.0
"""A sibling needs at least this score (Readability.js, _grabArticle)."""
_LONG_SIBLING_CHARS = 80
"""A longer sibling paragraph joins the article if few of its characters are links (Readability.js, _grabArticle)."""
_MAX_LINK_DENSITY = 0.25
"""For such a sibling, and for a `div` to be a paragraph (Readability.js, _grabArticle)."""
_TAG_SCORES = {
    "div": 5,
    **dict.fromkeys(("pre", "td", "blockquote"), 3),
    **dict.fromkeys(("address", "ol", "ul", "dl", "dd", "dt", "li", "form"), -3),
    **dict.fromkeys(("h1", "h2", "h3", "h4", "h5", "h6", "th"), -5),
}
"""The score that a node starts with (Readability.js, _initializeNode)."""
_IS_SCORED_TAG = TAG_CODES.mask(("section", "h2", "h3", "h4", "h5", "h6", "p", "td", "pre"))
_DIV = TAG_CODES["div"]


@dataclass(frozen=True, slots=True)
class Article:
    """The article: for each node of the page whether it is in it, how many characters of text it has, and its top candidate."""

    contains: NDArray[np.bool_]
    chars: int
    top_candidate: Node | None

    @property
    def is_long_enough(self) -> bool:
        return self.chars >= _MIN_ARTICLE_CHARS


def find_article(page: Page, arrays: PageArrays) -> Article:
    """The article of the first attempt that finds 500 characters; if none does, the longest."""
    longest = Article(np.zeros(len(page.nodes), np.bool_), -1, None)
    stripped: bytes | None = None
    for flags in _ATTEMPTS:
        attempt = _Attempt(page, arrays, flags)
        removed = attempt.removed.tobytes()
        if flags | STRIP_UNLIKELY == _ATTEMPTS[0] and removed == stripped:
            continue  # there is nothing unlikely: this attempt finds what the first one has found
        stripped = removed
        longest = max(longest, attempt.article(), key=lambda candidate: candidate.chars)
        if longest.is_long_enough:
            break
    return longest


class _Attempt:
    """One attempt with some of Readability's rules switched on. Arrays are indexed by node; counts include descendants."""

    def __init__(self, page: Page, arrays: PageArrays, flags: int) -> None:
        self.page, self.nodes, self.arrays, self.flags = page, page.nodes, arrays, flags
        self.removed = np.frombuffer(self.strip_unlikely(), np.bool_)
        self.chars, self.link_chars, self.commas = arrays.subtree_sums(np.where(self.removed, 0, arrays.node_text[:3]))
        self.link_density = self.link_chars / np.maximum(self.chars, 1)
        self.paragraphs = count_paragraphs(arrays, self.removed, self.link_density < _MAX_LINK_DENSITY)
        self.scores: dict[int, float] = {}

    def strip_unlikely(self) -> bytearray:
        """For each node, whether it is removed: hidden nodes, the first byline, and (by flag) unlikely candidates."""
        removed, has_byline = bytearray(len(self.nodes)), False
        suspicious = HIDDEN | BYLINE | ((UNLIKELY_CANDIDATE | UNLIKELY_ROLE) if self.flags & STRIP_UNLIKELY else 0)
        for n in np.flatnonzero(self.arrays.hints & suspicious).tolist():
            node = self.nodes[n]
            if removed[n]:
                continue
            is_byline = bool(node.own_hints & BYLINE) and not has_byline and self.is_valid_byline(node)
            has_byline |= is_byline
            if is_byline or node.own_hints & HIDDEN or (self.flags & STRIP_UNLIKELY and _is_unlikely_candidate(node)):
                removed[n : node.end] = b"\x01" * (node.end - n)
        return removed

    def is_valid_byline(self, node: Node) -> bool:
        return 0 < int(self.arrays.chars[node.block_start : node.block_end].sum()) < _MAX_BYLINE_CHARS

    def article(self) -> Article:
        self.score_paragraphs()
        top = find_top_candidate(self.nodes, self.scores, self.removed)
        roots = self.siblings_to_join(top) if top is not None else [node for node in self.nodes[:4] if node.tag == "body"]
        removed, contains = bytearray(self.removed.tobytes()), np.zeros(len(self.nodes), np.bool_)
        for root in roots:
            clean_article(self.page, self.arrays, root, removed, self.paragraphs, self.flags)
            contains[root.number : root.end] = ~np.frombuffer(removed, np.bool_)[root.number : root.end]
        return Article(contains, int(self.arrays.chars[contains[self.arrays.block_nodes]].sum()), top)

    def score_paragraphs(self) -> None:
        """Adds the points of each paragraph to the content scores of its ancestors, then scales scores by link density."""
        arrays, nodes = self.arrays, self.nodes
        is_scored = (
            (_IS_SCORED_TAG[arrays.tags] | (self.paragraphs == IS_PARAGRAPH))
            & (self.chars >= _MIN_PARAGRAPH_CHARS)
            & ~self.removed
        )
        numbers = np.flatnonzero(is_scored)
        for n, chars, commas in zip(numbers.tolist(), self.chars[numbers].tolist(), self.commas[numbers].tolist(), strict=True):
            self.score_ancestors(nodes[n].parent, chars, commas)
        wraps_text = (arrays.tags == _DIV) & (self.paragraphs > 0) & ~self.removed
        numbers = np.flatnonzero(wraps_text[arrays.block_nodes] & (arrays.chars >= _MIN_PARAGRAPH_CHARS))
        for n, chars, commas in zip(
            numbers.tolist(), arrays.chars[numbers].tolist(), arrays.commas[numbers].tolist(), strict=True
        ):
            self.score_ancestors(self.page.blocks[n].node, chars, commas)
        for n in self.scores:
            self.scores[n] *= 1 - float(self.link_density[n])

    def score_ancestors(self, ancestor: Node | None, chars: int, commas: int) -> None:
        """Adds a paragraph's points to the nearest ancestor in full, to the next by half, to those above by 1/6, 1/9 and 1/12.

        A paragraph has 2 points, one for each comma, and one for each 100 characters, at most 3: 250 characters with 4 commas
        have 2 + 4 + 2 = 8.
        """
        points = 2 + commas + min(chars // _CHARS_PER_POINT, _MAX_LENGTH_POINTS)
        scores = self.scores
        for divisor in _DIVISORS:
            if ancestor is None or ancestor.tag == "html":
                return
            number = ancestor.number
            score = scores.get(number)
            scores[number] = (self.initial_score(ancestor) if score is None else score) + points / divisor
            ancestor = ancestor.parent

    def initial_score(self, node: Node) -> int:
        return _TAG_SCORES.get(node.tag, 0) + (class_weight(node.own_hints) if self.flags & WEIGHT_CLASSES else 0)

    def siblings_to_join(self, top: Node) -> list[Node]:
        """The top candidate, and those of its siblings that have a good score or are paragraphs of running text."""
        top_score = self.scores.get(top.number, 0.0)
        min_score, names = max(_MIN_SIBLING_SCORE, top_score * _SIBLING_SHARE), top.attributes.get("class")
        joined = []
        for node in children(self.nodes, top.parent) if top.parent is not None else [top]:
            n = node.number
            bonus = top_score * _SIBLING_SHARE if names and node.attributes.get("class") == names else 0.0
            has_score = n in self.scores and self.scores[n] + bonus >= min_score
            if node is top or (not self.removed[n] and (has_score or self.is_running_text(node))):
                joined.append(node)
        return joined

    def is_running_text(self, node: Node) -> bool:
        """Whether the node is a paragraph that is long with few links, or short without a link and ends with a full stop."""
        if self.paragraphs[node.number] != IS_PARAGRAPH:
            return False
        chars, link_density = self.chars[node.number], self.link_density[node.number]
        if chars > _LONG_SIBLING_CHARS:
            return bool(link_density < _MAX_LINK_DENSITY)
        return bool(chars > 0 and link_density == 0) and self.page.blocks[node.block_end - 1].text.rstrip().endswith(".")


def _is_unlikely_candidate(node: Node) -> bool:
    """Whether a node is unlikely to be in an article, by its role, or by a class or id outside of tables and code."""
    if node.own_hints & UNLIKELY_ROLE:
        return True
    hints = node.own_hints
    named = hints & UNLIKELY_CANDIDATE and not hints & MAYBE_CANDIDATE and node.tag not in (*ROOT_TAGS, "a")
    return bool(named) and node.closest("table", "code") in (None, node)
