"""Puts a page's pictures among the text blocks that an extractor kept, by where the blocks' words stood in the page."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from itertools import accumulate

from stages._page_tree import PageImage, PageOrder, words_of

_GRAM = 4
_NEAR_WORDS = 24
_LEAD_SHARE, _ASIDE_SHARE = 0.5, 0.5


def placed(order: PageOrder, blocks: Sequence[str]) -> list[list[PageImage]]:
    """For each block, the pictures that come before it; the last list holds those after all of them.

    A picture belongs to the main content when the words next to it do.
    """
    spans, kept = _spans(order.words, blocks)
    sums = [0, *accumulate(kept)]
    middles = [(begin + end) / 2 for begin, end in spans]  # they never fall, because blocks are matched in order
    gaps: list[list[PageImage]] = [[] for _ in range(len(blocks) + 1)]
    for image in order.images:
        if _belongs(image, sums, spans):
            gaps[bisect_left(middles, image.at)].append(image)
    return gaps


def _spans(words: Sequence[str], blocks: Sequence[str]) -> tuple[list[tuple[int, int]], bytearray]:
    """Where each block's words begin and end in the page, and which of the page's words are in a block."""
    places: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for at in range(len(words) - _GRAM + 1):
        places[tuple(words[at : at + _GRAM])].append(at)
    kept, spans, cursor = bytearray(len(words)), list[tuple[int, int]](), 0
    for block in blocks:
        found = _match(words_of(block), words, places, cursor)
        for at in found:
            kept[at] = 1
        begin, cursor = (found[0], found[-1] + 1) if found else (cursor, cursor)
        spans.append((begin, cursor))
    return spans, kept


def _match(block: list[str], words: Sequence[str], places: dict[tuple[str, ...], list[int]], cursor: int) -> list[int]:
    """The places of the block's words: the next word where it follows, else the nearest place ahead of the next four."""
    found: list[int] = []
    for n, word in enumerate(block):
        if cursor < len(words) and words[cursor] == word:
            found.append(cursor)
            cursor += 1
            continue
        at = _ahead(places.get(tuple(block[n : n + _GRAM]), []), cursor)
        if at >= 0:
            found.append(at)
            cursor = at + 1
    return found


def _ahead(places: list[int], cursor: int) -> int:
    n = bisect_left(places, cursor)
    return places[n] if n < len(places) else -1


def _belongs(image: PageImage, sums: list[int], spans: Sequence[tuple[int, int]]) -> bool:
    if image.aside != (0, 0) and _share(sums, *image.aside) < _ASIDE_SHARE:
        return False
    if not spans:
        return True
    before = _share(sums, image.at - _NEAR_WORDS, image.at)
    after = _share(sums, image.at, image.at + _NEAR_WORDS)
    leads = image.at <= spans[0][0] and after >= _LEAD_SHARE
    return leads or before + after >= 1.0


def _share(sums: list[int], start: int, stop: int) -> float:
    start, stop = max(start, 0), min(stop, len(sums) - 1)
    return (sums[stop] - sums[start]) / (stop - start) if stop > start else 0.0
