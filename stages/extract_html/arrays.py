"""A page as numpy arrays, for sums over all its nodes and blocks at once."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interloom.stages.extract_html.page import Page

Ints = NDArray[np.int64]
START_CHARS = 60
"""Capitals and digits are counted in this many characters at the start of a block. Our choice; the page model learned from it."""
COMMAS = ",،，、"
FULL_STOPS = ".?!"
SENTENCE_ENDS = ".!?…。！？؟।။\u201d\"'»:"
"""What the last character of a complete sentence may be, closing quotation marks included."""

_SPACE = 1
_COMMA = 2
_CAPITAL = 4
_DIGIT = 8
_FULL_STOP = 16
_COPYRIGHT = 32


def _character_classes() -> NDArray[np.uint8]:
    """By code point, for the basic multilingual plane: what a character counts as, as bits."""
    table = np.zeros(1 << 16, np.uint8)
    for characters, bit in (
        (" ", _SPACE),
        (COMMAS, _COMMA),
        (FULL_STOPS, _FULL_STOP),
        ("0123456789", _DIGIT),
        ("©", _COPYRIGHT),
    ):
        table[[ord(character) for character in characters]] |= bit
    capitals = [*range(ord("A"), ord("Z") + 1), *range(0xC0, 0xDF), *range(0x410, 0x430)]
    table[[code for code in capitals if unicodedata.category(chr(code)) == "Lu" or code == 0xD7]] |= _CAPITAL
    return table


_CHARACTER_CLASSES = _character_classes()


@dataclass(frozen=True, slots=True)
class PageArrays:
    """One value for each node, or for each block, of a page.

    For each node: the code of its tag, the number of its parent (-1 for the root), its `end`, its own hints.
    For each block: the number of its block-level node; how many characters, link characters, spaces, commas, ends of sentences
    and copyright signs its text has; how many capitals and digits are among its first 60 characters.
    `node_text` is (5, nodes): characters, link characters, commas, characters if it is a heading, and number, of the blocks whose
    block-level node it is.
    """

    tags: Ints
    parents: Ints
    ends: Ints
    hints: Ints
    block_nodes: Ints
    chars: Ints
    link_chars: Ints
    spaces: Ints
    commas: Ints
    sentences: Ints
    capitals: Ints
    digits: Ints
    copyright_signs: Ints
    node_text: Ints

    def subtree_sums(self, values: Ints) -> Ints:
        """For each node, the sums of the values of the node and its descendants; `values` is (any, nodes)."""
        sums = np.zeros((len(values), values.shape[1] + 1), np.int64)
        values.cumsum(axis=1, out=sums[:, 1:])
        result: Ints = sums.take(self.ends, axis=1) - sums[:, :-1]
        return result


class TagCodes(dict[str, int]):
    """Integer codes of tags, from 1; code 0 stands for all other tags."""

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__({name: code for code, name in enumerate(names, 1)})

    def mask(self, names: Iterable[str]) -> NDArray[np.bool_]:
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
TAG_CODES = TagCodes(_NAMES.split())
IS_HEADING = TAG_CODES.mask(("h1", "h2", "h3", "h4", "h5", "h6"))


def page_arrays(page: Page) -> PageArrays:
    """The arrays of a page. Characters of all blocks are counted in one pass over the joined texts."""
    nodes, blocks, code = page.nodes, page.blocks, TAG_CODES.get
    text = "\n".join([block.text for block in blocks]) + "\n"
    chars = np.array([len(block.text) for block in blocks], np.int64)
    starts = (chars + 1).cumsum() - chars - 1
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    classes = _CHARACTER_CLASSES[np.minimum(codes, 0xFFFF)]
    sentence_ends = (classes & _FULL_STOP) != 0
    sentence_ends[:-1] &= (classes[1:] & _SPACE) != 0
    ends = starts + chars
    start_ends = np.minimum(ends, starts + START_CHARS)

    def counts(mask: NDArray[Any], until: Ints = ends) -> Ints:
        places = np.flatnonzero(mask)
        return places.searchsorted(until) - places.searchsorted(starts)

    tags = np.array([code(node.tag, 0) for node in nodes], np.int64)
    block_nodes = np.array([block.node.number for block in blocks], np.int64)
    link_chars = np.array([block.link_chars for block in blocks], np.int64)
    commas = counts((classes & _COMMA) != 0)
    return PageArrays(
        tags=tags,
        parents=np.array([-1 if node.parent is None else node.parent.number for node in nodes], np.int64),
        ends=np.array([node.end for node in nodes], np.int64),
        hints=np.array([node.own_hints for node in nodes], np.int64),
        block_nodes=block_nodes,
        chars=chars,
        link_chars=link_chars,
        spaces=counts((classes & _SPACE) != 0),
        commas=commas,
        sentences=counts(sentence_ends),
        capitals=counts((classes & _CAPITAL) != 0, start_ends),
        digits=counts((classes & _DIGIT) != 0, start_ends),
        copyright_signs=counts((classes & _COPYRIGHT) != 0),
        node_text=_text_of_nodes(tags, block_nodes, (chars, link_chars, commas)),
    )


def _text_of_nodes(tags: Ints, block_nodes: Ints, values: tuple[Ints, Ints, Ints]) -> Ints:
    """The `node_text` of a page; `values` are the characters, link characters and commas of each block."""
    rows = np.empty((len(values) + 2, len(tags)), np.int64)
    for row, of_blocks in zip(rows, values, strict=False):
        row[:] = np.bincount(block_nodes, of_blocks, len(tags))
    rows[-2] = rows[0] * IS_HEADING[tags]
    rows[-1] = np.bincount(block_nodes, minlength=len(tags))
    return rows
