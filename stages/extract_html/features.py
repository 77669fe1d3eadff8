"""What is to be seen of a block of text that tells main content from the rest, as numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interloom.stages.extract_html.arrays import ENDS, HEADINGS, PAGE_TAGS, START, PageArrays
from interloom.stages.extract_html.class_names import BIT, NAMES
from interloom.stages.extract_html.page import Block, Box, Page
from interloom.stages.extract_html.phrases import MOST, phrases
from interloom.stages.extract_html.readability.article import Region

Floats = NDArray[np.float32]

_NEGATIVE = sum(BIT.values()) - BIT["story"] - BIT["content"] - BIT["summary"] - BIT["picture"]
_HALF = 0.5
_LONG = 100  # characters; boilerplate phrases are looked for in what is shorter
_PHRASE_BITS = [[float(bits >> n & 1) for n in range(MOST)] for bits in range(1 << MOST)]
_TAG_CLASSES = ("p", "li", "h1", "h2", "h3", "tr", "pre", "blockquote", "figcaption", "div", "dd", "button")
_ALIKE = {"h3": ("h4", "h5", "h6"), "tr": ("td", "th", "table", "tbody", "caption"), "dd": ("dt",)}
_NAME_BITS = np.arange(len(NAMES))


def _one_tag() -> Floats:
    """By the code of a tag: a 1 for the class of tags it belongs to, `div` where it belongs to none."""
    rows = np.zeros((len(PAGE_TAGS) + 1, len(_TAG_CLASSES)), np.float32)
    names = {name: name for name in _TAG_CLASSES} | {name: to for to, others in _ALIKE.items() for name in others}
    classes = [names.get(tag, "div") for tag in ("", *PAGE_TAGS)]
    rows[np.arange(len(rows)), [_TAG_CLASSES.index(name) for name in classes]] = 1
    return rows


_ONE_TAG = _one_tag()
_WORD = re.compile(r"\w+")


def features(page: Page, arrays: PageArrays, title: str, region: Region) -> Floats:
    """One row per block; the columns are what `page_model.py` was grown on, so a change here needs new trees."""
    hand_down(page, [0, *arrays.chars.cumsum().tolist()])
    own = _own(page.blocks, arrays, title)
    sums = np.zeros((len(own) + 1, 7))
    own[:, :7].cumsum(axis=0, out=sums[1:], dtype=np.float64)
    article = (region.top.first, region.top.last) if region.top is not None else (0, len(page.blocks))
    columns = [
        own,
        _tags(page.blocks, arrays),
        _groups(page.blocks, sums),
        _places(own, sums, article, _window(own)),
        _neighbours(own),
    ]
    return np.concatenate([*columns, _in_article(page.blocks, arrays, region)], axis=1, dtype=np.float32)


_CHARS, _LINKS, _WORDS, _LINK_SHARE, _COMMAS, _ENDED, _HEAD = range(7)


def _own(blocks: list[Block], arrays: PageArrays, title: str) -> Floats:
    texts = [block.text for block in blocks]
    times = Counter(texts)
    title_words = frozenset(_WORD.findall(title.lower()))
    size, words, early = arrays.chars, arrays.spaces + 1, np.minimum(arrays.chars, START)
    said = np.array([_said(text, title_words) if len(text) < _LONG else _UNSAID for text in texts], np.float32)
    columns = [
        size,
        arrays.link_chars,
        words,
        arrays.link_chars / size,
        arrays.commas,
        [text[-1] in ENDS for text in texts],
        HEADINGS[arrays.tags[arrays.box]],
        size / words,
        arrays.capitals / early,
        arrays.digits / early,
        [text[0].islower() for text in texts],
        arrays.sentences,
        [times[text] for text in texts],
        [block.box.depth for block in blocks],
        arrays.marked > 0,
    ]
    return np.concatenate([_side_by_side(columns), said], axis=1)


def _side_by_side(columns: Sequence[Any]) -> Floats:
    rows = np.empty((len(columns[0]), len(columns)), np.float32)
    for n, column in enumerate(columns):
        rows[:, n] = column
    return rows


def _said(text: str, title: frozenset[str]) -> tuple[float, ...]:
    """How much of a short text is in the title, and what boilerplate it may be."""
    words = _WORD.findall(text.lower())
    return (len(title.intersection(words)) / len(words) if words else 0.0, *_PHRASE_BITS[phrases(words)])


_UNSAID = (0.0,) * (MOST + 1)


def hand_down(page: Page, chars: list[float]) -> None:
    """Hands depths and hints down the tree. A box with most of the page's text in it is no sidebar, whatever it is called."""
    most = chars[-1] * _HALF
    for box in page.boxes:
        parent, own = box.parent, box.own
        if parent is None:
            box.depth = box.hints = 0
            continue
        if own and box.tag == "body":
            own = 0
        elif own & _NEGATIVE and chars[box.last] - chars[box.first] > most:
            own &= ~_NEGATIVE
        box.depth = parent.depth + 1
        box.hints = parent.hints | own


def _window(own: Floats) -> tuple[int, int]:
    """The run of blocks with the greatest sum of gains, where running text gains and links and scraps lose."""
    gains = (own[:, _CHARS] * (1 - 2 * own[:, _LINK_SHARE]) - 45).tolist()
    best, at, total, start = 0.0, (0, 0), 0.0, 0
    for n, gain in enumerate(gains):
        if total <= 0:
            total, start = 0.0, n
        total += gain
        if total > best:
            best, at = total, (start, n + 1)
    return at


def _tags(blocks: list[Block], arrays: PageArrays) -> Floats:
    """Which tag a block has, one of a dozen, and what the boxes around it and close to it are called."""
    bits = np.array([(block.inner.hints, _near(block.inner)) for block in blocks], np.int64)
    hinted = ((bits[:, :, None] >> _NAME_BITS) & 1).sum(axis=1)
    return np.concatenate([_ONE_TAG[arrays.tags[arrays.box]], hinted], axis=1, dtype=np.float32)


def _near(box: Box) -> int:
    """The hints of the box and the two around it."""
    bits = box.own
    for _ in range(2):
        if box.parent is None or box.parent.tag == "body":
            break
        box = box.parent
        bits |= box.own
    return bits


def spans_around(blocks: list[Block]) -> tuple[NDArray[Any], NDArray[Any]]:
    """For the two boxes around each block that hold more than the one below: their first blocks, their last ones, (2, n)."""
    larger: dict[int, Box] = {}

    def up(box: Box) -> Box:
        found = larger.get(box.number)
        if found is None:
            found, span = box, box.last - box.first
            while found.parent is not None and found.last - found.first == span:
                found = found.parent
            larger[box.number] = found
        return found

    first = [block.box if block.box.last - block.box.first > 1 else up(block.box) for block in blocks]
    boxes = (*first, *[up(box) for box in first])
    shape = 2, len(blocks)
    return np.array([box.first for box in boxes]).reshape(shape), np.array([box.last for box in boxes]).reshape(shape)


def _groups(blocks: list[Block], sums: NDArray[Any]) -> Floats:
    """Of the boxes around a block: how much text, how linked, how short its blocks."""
    first, last = spans_around(blocks)
    inside = sums[last] - sums[first]
    count = np.maximum(last - first, 1)
    chars = np.maximum(inside[:, :, _CHARS], 1)
    found = np.empty((len(blocks), 2, 8), np.float32)
    for n, column in enumerate(
        (
            chars,
            inside[:, :, _LINKS] / chars,
            count,
            inside[:, :, _WORDS] / count,
            inside[:, :, _ENDED] / count,
            inside[:, :, _HEAD] / count,
            (np.arange(len(blocks)) - first) / count,
            chars / max(sums[-1, _CHARS], 1),
        )
    ):
        found[:, :, n] = column.T
    return found.reshape(len(blocks), 16)


def _places(own: Floats, sums: NDArray[Any], article: tuple[int, int], window: tuple[int, int]) -> Floats:
    count = len(own)
    at = np.arange(count)
    chars = sums[:, _CHARS]
    total = max(chars[-1], 1)
    columns: list[Any] = [at / max(count, 1), chars[:-1] / total, np.full(count, total), np.full(count, count)]
    columns += [np.full(count, sums[-1, _LINKS] / total)]
    for first, last in (article, window):
        last = max(last, first + 1) if count else last
        inside = chars[last] - chars[first]
        columns += [
            (at >= first) & (at < last),
            at - first,
            last - 1 - at,
            (chars[:-1] - chars[first]) / max(inside, 1),
            np.full(count, inside / total),
            np.full(count, (sums[last, _LINKS] - sums[first, _LINKS]) / max(inside, 1)),
        ]
    heads = np.flatnonzero(own[:, _HEAD])
    before = np.searchsorted(heads, at, side="right") - 1
    columns.append(np.where(before >= 0, at - heads[np.maximum(before, 0)] if len(heads) else 99, 99))
    long = np.flatnonzero((own[:, _WORDS] >= 15) & (own[:, _LINK_SHARE] < _HALF))
    n = np.searchsorted(long, at)
    if len(long):
        columns.append(np.where(n < len(long), long[np.minimum(n, len(long) - 1)] - at, 99))
        columns.append(np.where(n > 0, at - long[np.maximum(n - 1, 0)], 99))
    else:
        columns += [np.full(count, 99), np.full(count, 99)]
    return _side_by_side(columns)


def _in_article(blocks: list[Block], arrays: PageArrays, region: Region) -> Floats:
    """Whether a block is in the article that Readability would take, and its neighbours, and how much that is of the page."""
    taken = region.taken[arrays.box].astype(np.float32)
    wholly = region.taken[[block.inner.number for block in blocks]].astype(np.float32)
    around = np.convolve(taken, np.full(5, 0.2, np.float32))[2 : len(taken) + 2]
    top = np.zeros(len(blocks), np.float32)
    if region.top is not None:
        top[region.top.first : region.top.last] = 1
    same = np.ones(len(blocks), np.float32)
    return np.stack([taken, wholly, top, around, same * region.chars, same * taken.mean()], axis=1)


def _neighbours(own: Floats) -> Floats:
    """Of the three blocks before and after: how long, how linked, how ended, whether a heading."""
    count, watched = len(own), own[:, _WATCHED]
    found = np.zeros((count, 6, 4), np.float32)
    for n, step in enumerate((-3, -2, -1)):
        found[-step:, n] = watched[:step]
        found[: max(count + step, 0), 5 - n] = watched[-step:]
    return found.reshape(count, 24)


_WATCHED = (_CHARS, _LINK_SHARE, _ENDED, _HEAD)
