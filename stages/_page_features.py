"""What is to be seen of a block of text that tells main content from the rest, as numbers."""

from __future__ import annotations

import re
from collections import Counter
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages._page_blocks import Block, Box, Page
from stages._page_hints import BIT, NAMES

Floats = NDArray[np.float32]

_NEGATIVE = sum(BIT.values()) - BIT["story"] - BIT["content"] - BIT["summary"] - BIT["picture"]
_HALF = 0.5
_LONG = 200  # characters; boilerplate phrases are looked for in what is shorter
_PHRASES = {
    "share": r"\b(?:share|sharing|teilen|facebook|twitter|tweet|whatsapp|pinterest|linkedin|e-?mail|print|drucken|partager|instagram|follow)\b",
    "comment": r"\b(?:comments?|kommentare?|kommentieren|reply|replies|antworten|leave a|commentaires?|discuss\w*|responses?)\b",
    "legal": r"©|\b(?:copyright|all rights reserved|alle rechte|datenschutz\w*|impressum|privacy|terms of|cookies?|agb|disclaimer)\b",
    "more": r"\b(?:read more|weiterlesen|more|mehr|related|also|lesen sie|see also|latest|popular|next|previous|weiter|zurück|vorheriger|nächster|"
    r"recommended|recent|similar|suivant|précédent|most read|trending|top stories|continue)\b",
    "sign": r"\b(?:subscri\w+|newsletter|sign up|log ?in|sign in|anmelden|abonnier\w+|register|advert\w*|anzeige|sponsored|werbung|donate|spenden|"
    r"click here|download|app|search|suche\w*|membership|free)\b",
    "date": r"\b\d{1,2}[./]\s?\d{1,2}[./]\s?\d{2,4}\b|\b(?:19|20)\d\d-\d\d|\b\d{1,2}[:h]\d\d\b|\b(?:19|20)\d\d\b|\bago\b|\bvor \d",
    "by": r"^(?:by|von|par|por|text|fotos?|photos?|photography|credit|quelle|source|bild|image|autor|author|written|posted|published|updated|image|via|"
    r"veröffentlicht|erstellt|aktualisiert|last modified|edited)\b",
    "tags": r"^(?:tags?|categor\w+|filed|topics?|schlagw\w+|kategorien?|posted in|themen|keywords|stichworte|labels|in this|contents?|inhalt)\b",
}
_PHRASE_NAMES = tuple(_PHRASES)
_PHRASE = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in _PHRASES.items()}
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
    """One row per block, one column per `FEATURES`."""
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
    words = text.count(" ") + 1
    ascii_words = _WORD.findall(text.lower()) if size < _LONG else []
    in_title = sum(word in title for word in ascii_words) / len(ascii_words) if ascii_words else 0.0
    letters = text[:_LONG]
    phrases = [float(_PHRASE[name].search(text) is not None) if size < _LONG else 0.0 for name in _PHRASE_NAMES]
    return [
        size,
        block.link_chars,
        words,
        block.link_chars / size,
        text.count(",") + text.count("、") + text.count("，"),
        text[-1] in _ENDS,
        block.box.tag[0] == "h" and block.box.tag in ("h1", "h2", "h3", "h4", "h5", "h6"),
        size / words,
        sum(map(str.isupper, letters)) / len(letters),
        sum(map(str.isdigit, letters)) / len(letters),
        text[0].islower(),
        text.count(". ") + text.count("? ") + text.count("! "),
        times[text],
        in_title,
        block.box.depth,
        *phrases,
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


def _groups(page: Page, sums: NDArray[Any]) -> list[Floats]:
    """Of the boxes around a block that hold more than the one below them: how much text, how linked, how short its blocks."""
    up: list[Box | None] = []
    for box in page.boxes:
        parent = box.parent
        if parent is None:
            up.append(None)
        else:
            up.append(parent if parent.last - parent.first > box.last - box.first else up[parent.number])
    found: list[Floats] = []
    boxes = [block.box if block.box.last - block.box.first > 1 else up[block.box.number] or block.box for block in page.blocks]
    at = np.arange(len(boxes))
    for _ in range(3):
        first = np.array([box.first for box in boxes])
        last = np.array([box.last for box in boxes])
        inside = sums[last] - sums[first]
        count = last - first
        chars = np.maximum(inside[:, _CHARS], 1)
        found += [
            np.stack(
                [
                    chars,
                    inside[:, _LINKS] / chars,
                    count,
                    inside[:, _WORDS] / np.maximum(count, 1),
                    inside[:, _ENDED] / np.maximum(count, 1),
                    inside[:, _HEAD] / np.maximum(count, 1),
                    (at - first) / np.maximum(count, 1),
                    chars / max(sums[-1, _CHARS], 1),
                ],
                axis=1,
            )
        ]
        boxes = [up[box.number] or box for box in boxes]
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
