"""A page as arrays, for what is summed over all of its boxes and texts at once."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interloom.stages.extract_html.page import Page

Ints = NDArray[np.int64]
START = 60  # characters in which capitals and digits are counted
_SPACE, _COMMA, _CAPITAL, _DIGIT, _STOP, _MARK = 1, 2, 4, 8, 16, 32
COMMAS, STOPS, ENDS = ",،，、", ".?!", ".!?…。！？؟।။\u201d\"'»:"


def _classes() -> NDArray[np.uint8]:
    """What each character of the basic plane counts as, as bits."""
    table = np.zeros(1 << 16, np.uint8)
    for characters, bit in ((" ", _SPACE), (COMMAS, _COMMA), (STOPS, _STOP), ("0123456789", _DIGIT), ("©", _MARK)):
        table[[ord(character) for character in characters]] |= bit
    capitals = [*range(ord("A"), ord("Z") + 1), *range(0xC0, 0xDF), *range(0x410, 0x430)]
    table[[code for code in capitals if unicodedata.category(chr(code)) == "Lu" or code == 0xD7]] |= _CAPITAL
    return table


_CLASSES = _classes()


@dataclass(frozen=True, slots=True)
class PageArrays:
    """Of each box: the code of its tag, the box around it (-1: none), where it ends, its hints. Of each block: its box; how many
    characters, of those in links, spaces, commas, ends of sentences, capitals and digits at its start, and ©."""

    tags: Ints
    parents: Ints
    ends: Ints
    own: Ints
    box: Ints
    chars: Ints
    link_chars: Ints
    spaces: Ints
    commas: Ints
    sentences: Ints
    capitals: Ints
    digits: Ints
    marked: Ints

    def inside(self, values: NDArray[Any]) -> NDArray[Any]:
        """Sums over all boxes in each box, itself included, of values per box."""
        sums = np.zeros(len(values) + 1, values.dtype)
        values.cumsum(out=sums[1:])
        found: NDArray[Any] = sums[self.ends] - sums[:-1]
        return found


class Tags(dict[str, int]):
    """Codes of tags, from 1 on; 0 is any other."""

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__({name: code for code, name in enumerate(names, 1)})

    def among(self, names: Iterable[str]) -> NDArray[np.bool_]:
        """By code: whether the tag is one of these."""
        table = np.zeros(len(self) + 1, np.bool_)
        table[[self[name] for name in names]] = True
        return table


_NAMES = """
    a abbr address article aside audio b bdo blockquote body br button caption center cite code data datalist dd del details dfn
    div dl dt em embed fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr html i iframe img input ins kbd label li
    main mark math meter nav noscript object ol output p picture pre progress q ruby samp script section select small source span
    strong sub sup table tbody td textarea tfoot th thead time tr ul var video wbr
"""
PAGE_TAGS = Tags(_NAMES.split())
HEADINGS = PAGE_TAGS.among(("h1", "h2", "h3", "h4", "h5", "h6"))


def arrays_of(page: Page) -> PageArrays:
    boxes, blocks, code = page.boxes, page.blocks, PAGE_TAGS.get
    text = "\n".join([block.text for block in blocks]) + "\n"
    chars = np.array([len(block.text) for block in blocks], np.int64)
    starts = (chars + 1).cumsum() - chars - 1
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    classes = _CLASSES[np.minimum(codes, 0xFFFF)]
    stops = (classes & _STOP) != 0
    stops[:-1] &= (classes[1:] & _SPACE) != 0
    ends = starts + chars
    early = np.minimum(ends, starts + START)

    def counts(mask: NDArray[Any], until: Ints = ends) -> Ints:
        sums = np.zeros(len(mask) + 1, np.int64)
        mask.cumsum(out=sums[1:])
        return sums[until] - sums[starts]

    return PageArrays(
        tags=np.array([code(box.tag, 0) for box in boxes], np.int64),
        parents=np.array([-1 if box.parent is None else box.parent.number for box in boxes], np.int64),
        ends=np.array([box.end for box in boxes], np.int64),
        own=np.array([box.own for box in boxes], np.int64),
        box=np.array([block.box.number for block in blocks], np.int64),
        chars=chars,
        link_chars=np.array([block.link_chars for block in blocks], np.int64),
        spaces=counts((classes & _SPACE) != 0),
        commas=counts((classes & _COMMA) != 0),
        sentences=counts(stops),
        capitals=counts((classes & _CAPITAL) != 0, early),
        digits=counts((classes & _DIGIT) != 0, early),
        marked=counts((classes & _MARK) != 0),
    )
