"""What is to be seen of a block of text that tells main content from the rest, as numbers."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages._page_blocks import Block, Box, Page
from stages._page_hints import BIT, NAMES
from stages._page_phrases import MOST, phrases

Floats = NDArray[np.float32]

_NEGATIVE = sum(BIT.values()) - BIT["story"] - BIT["content"] - BIT["summary"] - BIT["picture"]
_HALF = 0.5
_LONG = 200  # characters; boilerplate phrases are looked for in what is shorter
_PHRASE_BITS = [[float(bits >> n & 1) for n in range(MOST)] for bits in range(1 << MOST)]
_START = 60  # characters in which capitals and digits are counted
_DIGIT, _CAPITAL = re.compile("[0-9]"), re.compile("[A-Z\u00c0-\u00de\u0410-\u042f]")
_ENDS = ".!?…。！？؟।။\u201d\"'»:"
_TAG_CLASSES = ("p", "li", "h1", "h2", "h3", "tr", "pre", "blockquote", "figcaption", "div", "dd", "button")
_TAG_CLASS = {
    **{tag: tag for tag in _TAG_CLASSES},
    **dict.fromkeys(("h4", "h5", "h6"), "h3"),
    **dict.fromkeys(("td", "th", "table", "tbody", "caption"), "tr"),
    **dict.fromkeys(("dt",), "dd"),
}
_WORD = re.compile(r"\w+")


def features(page: Page, title: str) -> Floats:
    """One row per block; the columns are what `stages/_page_trees.py` was grown on, so a change here needs new trees."""
    own = _own(page.blocks, title)
    sums = np.concatenate([np.zeros((1, own.shape[1]), np.float32), np.cumsum(own, axis=0, dtype=np.float64)])
    hints(page, sums[:, _CHARS].tolist())
    root = root_of(page, own)
    window = _window(own)
    columns = [own, *_tags(page.blocks), *_groups(page, sums), *_places(own, sums, root, window), *_neighbours(own)]
    return np.concatenate([c if c.ndim == 2 else c[:, None] for c in columns], axis=1).astype(np.float32)


_CHARS, _LINKS, _WORDS, _LINK_SHARE, _COMMAS, _ENDED, _HEAD = range(7)


def _own(blocks: list[Block], title: str) -> Floats:
    times = Counter(block.text for block in blocks)
    title_words = frozenset(_WORD.findall(title.lower()))
    return np.array([_one(block, times, title_words) for block in blocks], np.float32)


def _one(block: Block, times: Counter[str], title: frozenset[str]) -> list[float]:
    text = block.text
    size = len(text)
    count = text.count(" ") + 1
    words_in = _WORD.findall(text.lower()) if size < _LONG else []
    in_title = len(title.intersection(words_in)) / len(words_in) if words_in else 0.0
    start = text[:_START]
    digits = len(_DIGIT.findall(start))
    return [
        size,
        block.link_chars,
        count,
        block.link_chars / size,
        text.count(",") + text.count("、") + text.count("，"),
        text[-1] in _ENDS,
        block.box.tag[0] == "h" and block.box.tag in ("h1", "h2", "h3", "h4", "h5", "h6"),
        size / count,
        len(_CAPITAL.findall(start)) / len(start),
        digits / len(start),
        text[0].islower(),
        text.count(". ") + text.count("? ") + text.count("! "),
        times[text],
        in_title,
        block.box.depth,
        *_PHRASE_BITS[phrases(words_in)],
        "©" in text,
    ]


def hints(page: Page, chars: list[float]) -> None:
    """Hands hints down the tree. A box with most of the page's text in it is no sidebar, whatever it is called."""
    most = chars[-1] * _HALF
    for box in page.boxes:
        above = box.parent.hints if box.parent is not None else 0
        own = box.own
        if own and (box.tag == "body" or box.tag == "html"):
            own = 0
        elif own & _NEGATIVE and chars[box.last] - chars[box.first] > most:
            own &= ~_NEGATIVE
        box.hints = above | own


def root_of(page: Page, own: Floats) -> tuple[int, int]:
    """The blocks of the box with the most paragraphs close below it, (first, last), after Readability's idea: a paragraph
    speaks for its parent, half as much for the box above, and less further up."""
    scores: dict[int, float] = {}
    rows = zip(page.blocks, own[:, [_CHARS, _COMMAS, _LINK_SHARE]].tolist(), strict=True)
    for block, (size, commas, link_share) in rows:
        if size < 25 or link_share > _HALF or block.box.hints & BIT["hidden"]:
            continue
        score = 1 + min(commas, 10) + min(size / 100, 3)
        box, share = block.box.parent if block.box.tag in ("p", "li", "h2", "h3") else block.box, 1.0
        for level in range(5):
            if box is None or box.tag == "body":
                break
            scores[box.number] = scores.get(box.number, 0.0) + score * share
            share = 0.5 if level == 0 else 1 / ((level + 1) * 2)
            box = box.parent
    if not scores:
        return 0, len(page.blocks)
    best = page.boxes[max(scores, key=lambda number: (scores[number], -number))]
    return best.first, best.last


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


def _tags(blocks: list[Block]) -> list[Floats]:
    rows = np.zeros((len(blocks), len(_TAG_CLASSES) + len(NAMES) + 3), np.float32)
    for n, block in enumerate(blocks):
        rows[n, _TAG_CLASSES.index(_TAG_CLASS.get(block.box.tag, "div"))] = 1
    bits = np.array([block.inner.hints for block in blocks], np.int64)
    near = np.array([_near(block.inner) for block in blocks], np.int64)
    start = len(_TAG_CLASSES)
    both = ((bits[:, None] >> np.arange(len(NAMES))) & 1) + ((near[:, None] >> np.arange(len(NAMES))) & 1)
    rows[:, start : start + len(NAMES)] = both
    return [rows]


def _near(box: Box) -> int:
    """The hints of the box and the two around it."""
    bits = box.own
    for _ in range(2):
        if box.parent is None or box.parent.tag == "body":
            break
        box = box.parent
        bits |= box.own
    return bits


def spans_around(page: Page) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """For the three boxes around each block that hold more than the one below them: their first blocks, their last ones."""
    up: list[Box | None] = []
    for box in page.boxes:
        parent = box.parent
        larger = parent is None or parent.last - parent.first > box.last - box.first
        up.append(parent if larger or parent is None else up[parent.number])
    boxes = [block.box if block.box.last - block.box.first > 1 else up[block.box.number] or block.box for block in page.blocks]
    spans = []
    for _ in range(3):
        spans.append((np.array([box.first for box in boxes]), np.array([box.last for box in boxes])))
        boxes = [up[box.number] or box for box in boxes]
    return spans


def _groups(page: Page, sums: NDArray[Any]) -> list[Floats]:
    """Of the boxes around a block: how much text, how linked, how short its blocks."""
    at = np.arange(len(page.blocks))
    found: list[Floats] = []
    for first, last in spans_around(page):
        inside = sums[last] - sums[first]
        count = np.maximum(last - first, 1)
        chars = np.maximum(inside[:, _CHARS], 1)
        columns = [chars, inside[:, _LINKS] / chars, count, inside[:, _WORDS] / count, inside[:, _ENDED] / count]
        columns += [inside[:, _HEAD] / count, (at - first) / count, chars / max(sums[-1, _CHARS], 1)]
        found.append(np.stack(columns, axis=1))
    return found


def _places(own: Floats, sums: NDArray[Any], root: tuple[int, int], window: tuple[int, int]) -> list[Floats]:
    count = len(own)
    at = np.arange(count)
    chars = sums[:, _CHARS]
    total = max(chars[-1], 1)
    columns: list[Any] = [at / max(count, 1), chars[:-1] / total, np.full(count, total), np.full(count, count)]
    columns += [np.full(count, sums[-1, _LINKS] / total)]
    for first, last in (root, window):
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
    return [np.stack([np.asarray(c, np.float32) for c in columns], axis=1)]


def _neighbours(own: Floats) -> list[Floats]:
    watched = own[:, (_CHARS, _LINK_SHARE, _ENDED, _HEAD)]
    padded = np.pad(watched, ((3, 3), (0, 0)))
    return [padded[3 + step : 3 + step + len(own)] for step in (-3, -2, -1, 1, 2, 3)]
