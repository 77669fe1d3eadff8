"""What in an article is no part of it by its make: lists of links, boxes of pictures without text, share buttons, forms, footers.
The rules and their limits are those of Readability's conditional cleaning."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interloom.stages.extract_html.arrays import HEADINGS, PAGE_TAGS, PageArrays
from interloom.stages.extract_html.page import Box, Page, children
from interloom.stages.extract_html.readability.data_tables import is_data
from interloom.stages.extract_html.readability.names import SHARING, weight

STRIKE, WEIGH, CLEAN = 1, 2, 4  # how strictly a page is read
_JUDGED = PAGE_TAGS.among(("form", "fieldset", "table", "ul", "div"))
_NEVER = frozenset(("footer", "aside", "button"))
_FRAMES = frozenset(("iframe", "object", "embed"))
_LOOKED_AT = PAGE_TAGS.among((*_NEVER, *_FRAMES, "h1", "h2"))
_LI = PAGE_TAGS["li"]
_VIDEO = re.compile(
    r"//(?:www\.)?(?:(?:dailymotion|youtube|youtube-nocookie|player\.vimeo|v\.qq|bilibili|live\.bilibili)\.com"
    r"|(?:archive|upload\.wikimedia)\.org|player\.twitch\.tv)",
    re.IGNORECASE,
)
_NOTICE = re.compile(
    r"(?:ad(?:vertising|vertisement)?|pub(?:licité)?|werb(?:ung)?|广告|реклама|anuncio|(?:loading|正在加载|загрузка|chargement|cargando)(?:…|\.\.\.)?)",
    re.IGNORECASE,
)
_SHARE_CHARS, _NOTICE_CHARS, _SHORT_CHARS = 500, 40, 25
_COMMAS, _GOOD, _FREE_ITEMS = 10, 25, 100
_LINKED, _LINKED_GOOD, _LIST, _HEADED, _WORDS_A_PICTURE = 0.2, 0.5, 0.9, 0.9, 0.5
_PARAGRAPHS, _PICTURES, _ITEMS, _INPUTS, _CHARS, _LINKS, _COMMA, _HEADINGS = range(8)
_NO_PICTURES = _FRAMES | {"source"}


def without_furniture(
    page: Page, arrays: PageArrays, root: Box, gone: bytearray, paragraphs: NDArray[np.int64], strictness: int
) -> None:
    """Marks in `gone` what is furniture in the box; what lies deepest goes first and no longer counts for what is around it."""
    judge = _Judge(page, arrays, root, gone, paragraphs, strictness)
    own, tags = arrays.own[root.number : root.end], arrays.tags[root.number : root.end]
    judged = _JUDGED[tags] & (paragraphs[root.number : root.end] >= 0) if judge.cleans else np.zeros(len(tags), np.bool_)
    looked_at = np.flatnonzero(judged | _LOOKED_AT[tags] | (own & SHARING != 0))[::-1]
    ends = arrays.ends[root.number : root.end][looked_at] - root.number
    counts = (judge.totals[ends] - judge.totals[looked_at]).tolist()
    for n, inside, is_judged in zip(looked_at.tolist(), counts, judged[looked_at].tolist(), strict=True):
        box = page.boxes[root.number + n]
        if not gone[box.number]:
            inside = judge.less_struck(box, inside)
            if judge.is_furniture(box, inside) or (is_judged and judge.looks_like_furniture(box, inside)):
                judge.strike(box, inside)


class _Judge:
    """Counts of what is in boxes, less what has been struck out of them."""

    def __init__(
        self, page: Page, arrays: PageArrays, root: Box, gone: bytearray, paragraphs: NDArray[np.int64], strictness: int
    ) -> None:
        self.page, self.boxes, self.arrays, self.root, self.gone, self.paragraphs = (
            page,
            page.boxes,
            arrays,
            root,
            gone,
            paragraphs,
        )
        self.weighs, self.cleans = bool(strictness & WEIGH), bool(strictness & CLEAN)
        self.totals = self.count()
        self.struck: list[tuple[int, list[int]]] = []
        self.data_tables: dict[int, bool] = {}
        inside = self.boxes[root.number : root.end]
        self.tables = [box.number for box in inside if box.tag == "table" and self.is_data(box)]
        self.frames = [box.number for box in inside if box.tag in _FRAMES]
        self.links = [m.box.number for m in page.media if m.linked and not m.linked.startswith("#")]
        self.codes = any(box.tag == "code" for box in inside)

    def count(self) -> NDArray[Any]:
        """Running sums over the boxes from the root on: (boxes + 1, 8)."""
        arrays, start, end = self.arrays, self.root.number, self.root.end
        here = ~np.frombuffer(self.gone, np.bool_)[start:end]
        rows = np.zeros((end - start + 1, 8), np.int64)
        found = rows[1:]
        found[:, _PARAGRAPHS] = np.abs(self.paragraphs[start:end])
        found[:, _ITEMS] = arrays.tags[start:end] == _LI
        for medium in self.page.media:
            n = medium.box.number
            if start <= n < end and medium.box.tag not in _NO_PICTURES and not self.is_twin(n):
                found[n - start, _PICTURES] = 1
        for number in self.page.inputs:
            if start < number <= end:
                found[number - start - 1, _INPUTS] += 1
        blocks = slice(self.root.first, self.root.last)
        at = arrays.box[blocks] - start
        inside = (at >= 0) & (at < end - start)
        at = at[inside]
        chars = arrays.chars[blocks][inside]
        titles = np.where(HEADINGS[arrays.tags[at + start]], chars, 0)
        for column, values in zip(
            (_CHARS, _LINKS, _COMMA, _HEADINGS),
            (chars, arrays.link_chars[blocks][inside], arrays.commas[blocks][inside], titles),
            strict=True,
        ):
            found[:, column] = np.bincount(at, values, end - start)
        found *= here[:, None]
        summed: NDArray[Any] = rows.cumsum(axis=0)
        return summed

    def is_twin(self, n: int) -> bool:
        """Whether a picture in `noscript` follows the one that it stands for."""
        parent = self.boxes[n].parent
        return n >= 2 and parent is not None and parent.tag == "noscript" and self.boxes[n - 2].tag == "img"

    def less_struck(self, box: Box, counts: list[int]) -> list[int]:
        for number, struck in reversed(self.struck):
            if number >= box.end:
                break
            if number > box.number:
                counts = [count - gone for count, gone in zip(counts, struck, strict=True)]
        return counts

    def strike(self, box: Box, counts: list[int]) -> None:
        """Strikes out the box and all in it."""
        while self.struck and self.struck[-1][0] < box.end:
            self.struck.pop()
        self.struck.append((box.number, counts))
        self.gone[box.number : box.end] = b"\x01" * (box.end - box.number)

    def is_furniture(self, box: Box, counts: Sequence[int]) -> bool:
        tag = box.tag
        if tag in _NEVER or (tag in _FRAMES and not _is_video(box)):
            return True
        if tag in ("h1", "h2") and self.weight(box) < 0:
            return True
        return bool(box.own & SHARING) and box is not self.root and counts[_CHARS] < _SHARE_CHARS

    def weight(self, box: Box) -> int:
        return weight(box.own) if self.weighs else 0

    def looks_like_furniture(self, box: Box, counts: Sequence[int]) -> bool:
        valued = self.weight(box)
        if valued >= 0 and not _is_suspect(counts):
            return False
        if (self.tables or self.codes) and self.is_data_or_code(box):
            return False
        return valued < 0 or self.is_guilty(box, valued, counts)

    def is_guilty(self, box: Box, valued: int, counts: Sequence[int]) -> bool:
        paragraphs, pictures, items, inputs, chars, links, _, titles = counts
        if self.holds_video(box):
            return False
        if 0 < chars < _NOTICE_CHARS and self.is_notice(box):
            return True
        linked, headed = (links / chars, titles / chars) if chars else (0.0, 0.0)
        in_figure = box.around("figure") is not None
        is_list = box.tag in ("ul", "ol") or self.list_chars(box) > _LIST * max(chars, 1)
        scant = headed < _HEADED and chars < _SHORT_CHARS and (pictures == 0 or pictures > 2) and linked > 0
        guilty = (
            (not in_figure and pictures > 1 and paragraphs / pictures < _WORDS_A_PICTURE and not self.is_album(box, chars))
            or (not is_list and items - _FREE_ITEMS > paragraphs)
            or inputs > paragraphs // 3
            or (not is_list and not in_figure and scant)
            or (not is_list and valued < _GOOD and linked > _LINKED)
            or (valued >= _GOOD and linked > _LINKED_GOOD)
            or (pictures == 0 and chars == 0)
        )
        return guilty and not (is_list and self.is_gallery(box, pictures, items))

    def is_album(self, box: Box, chars: int) -> bool:
        """Pictures without a word that lead nowhere: Readability drops them, we do not."""
        return chars == 0 and next(_within(box, self.links), None) is None

    def is_data_or_code(self, box: Box) -> bool:
        around = box.around("table", "code") if box.tag == "table" or box.parent is None else box.parent.around("table", "code")
        return self.holds_data(box) or (around is not None and (around.tag == "code" or self.is_data(around)))

    def is_gallery(self, box: Box, pictures: float, items: float) -> bool:
        """A list of nothing but one picture each is wanted."""
        return pictures == items and all(len(children(self.boxes, child)) <= 1 for child in children(self.boxes, box))

    def list_chars(self, box: Box) -> float:
        found, n = 0.0, box.number + 1
        while n < box.end:
            if self.boxes[n].tag in ("ul", "ol"):
                found += 0.0 if self.gone[n] else self.chars(self.boxes[n])
                n = self.boxes[n].end
            else:
                n += 1
        return found

    def chars(self, box: Box) -> float:
        start = self.root.number
        counts = (self.totals[box.end - start] - self.totals[box.number - start]).tolist()
        return float(self.less_struck(box, counts)[_CHARS])

    def is_notice(self, box: Box) -> bool:
        return _NOTICE.fullmatch(" ".join(block.text for block in self.page.blocks[box.first : box.last]).strip()) is not None

    def holds_video(self, box: Box) -> bool:
        return any(not self.gone[number] for number in _within(box, self.frames))

    def holds_data(self, box: Box) -> bool:
        return next(_within(box, self.tables), None) is not None

    def is_data(self, table: Box) -> bool:
        known = self.data_tables.get(table.number)
        if known is None:
            known = self.data_tables[table.number] = is_data(self.boxes, table)
        return known


def _within(box: Box, numbers: Sequence[int]) -> Iterator[int]:
    """Those of the numbers of boxes, in order, that lie in a box."""
    for at in range(bisect_right(numbers, box.number), len(numbers)):
        if numbers[at] >= box.end:
            return
        yield numbers[at]


def _is_suspect(counts: Sequence[int]) -> bool:
    """Whether what is counted in a box allows that it is furniture."""
    paragraphs, pictures, items, inputs, chars, links, commas, _ = counts
    crowded = pictures > 1 and paragraphs / pictures < _WORDS_A_PICTURE
    many = items - _FREE_ITEMS > paragraphs or inputs > paragraphs // 3
    return commas < _COMMAS and (crowded or many or chars < _NOTICE_CHARS or links > _LINKED * chars)


def _is_video(box: Box) -> bool:
    return any(_VIDEO.search(value) for value in box.attributes.values() if value)
