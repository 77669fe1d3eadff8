"""A page read once: its blocks of text, its boxes (elements) and its media in document order (lexbor, the WHATWG parser)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from stages._page_hints import element_hints

_BLOCKS = frozenset(
    "address article aside blockquote body button caption center dd details dialog dir div dl dt fieldset figcaption figure footer form "
    "frameset h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu nav ol p pre section summary table tbody tfoot "
    "thead tr ul picture video audio".split()
)
_UNSEEN = frozenset(
    "head script style template select textarea datalist canvas math map object embed iframe -comment title link meta "
    "option input svg".split()
)
_MEDIA = frozenset("img amp-img source video audio iframe amp-iframe amp-youtube amp-video embed object svg image".split())
_BREAK, _CELL = "\x0b", " | "
_LONGEST_CELL = 200  # characters; what is longer is a text of its own, in a table that only places things


class Box:
    """An element: blocks `first` to `last` (exclusive) of the page lie in it. `own` and `hints` are bits of `_page_hints`."""

    __slots__ = ("attributes", "depth", "first", "hints", "last", "nth", "number", "own", "parent", "tag")

    def __init__(self, tag: str, parent: Box | None, attributes: Mapping[str, str | None], first: int, number: int) -> None:
        self.tag = tag
        self.parent = parent
        self.attributes = attributes
        self.first = self.last = first
        self.number = number
        self.depth = parent.depth + 1 if parent is not None else 0
        self.own = element_hints(tag, attributes)
        self.hints = 0
        self.nth = 1

    @property
    def path(self) -> str:
        """Where the element is in the DOM, from the root, counted among siblings of its tag: `html/body/p[2]`."""
        steps: list[str] = []
        box: Box | None = self
        while box is not None:
            steps.append(box.tag if box.nth == 1 else f"{box.tag}[{box.nth}]")
            box = box.parent
        return "/".join(reversed(steps))

    def around(self, *tags: str) -> Box | None:
        """The nearest box of one of these tags, itself included."""
        box: Box | None = self
        while box is not None and box.tag not in tags:
            box = box.parent
        return box


@dataclass(slots=True, eq=False)
class Block:
    """A run of text without a block boundary in it; `link_chars` of it are link text. `box` is the block-level element it
    stands in, `inner` the element of its first word."""

    text: str
    box: Box
    inner: Box
    link_chars: int


@dataclass(slots=True, eq=False)
class Medium:
    """A picture or clip element, in front of block `at`, or `chars` into it. `noscript` when only readers without scripts get it."""

    box: Box
    at: int
    chars: int
    noscript: bool
    linked: str


@dataclass(slots=True)
class Page:
    blocks: list[Block] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    media: list[Medium] = field(default_factory=list)


def page_of(parser: LexborHTMLParser) -> Page:
    """The blocks of a parsed page."""
    walk = _Walk()
    root = parser.root
    if root is not None:
        walk.through(root)
    return walk.page


class _Walk:
    """Goes through the tree without recursion; one wrapper object per node."""

    def __init__(self) -> None:
        self.page = Page()
        self.box: Box | None = None
        self.pieces: list[str] = []
        self.text_box: Box | None = None
        self.chars = self.link_chars = self.pre = self.noscript = 0
        self.links: list[str] = []
        self.cell = (0, 0, 0)

    def through(self, root: Any) -> None:
        node, stack = root, list[Any]()
        while True:
            child = None
            tag = node.tag
            if tag == "-text":
                if not self.noscript:
                    self.add(node.text_content)
            elif self.enter(tag, node):
                child = node.child
                if child is not None:
                    stack.append(node)
                    node = child
                    continue
                self.leave()
            while True:
                following = node.next if stack else None
                if following is not None:
                    node = following
                    break
                if not stack:
                    return
                node = stack.pop()
                self.leave()

    def add(self, text: str) -> None:
        if not self.pieces or self.pieces[-1] is _BREAK:
            if text.isspace() and not self.pre:
                return
            self.text_box = self.text_box or self.box
        self.pieces.append(text)
        size = len(text)
        self.chars += size
        if self.links:
            self.link_chars += size

    def enter(self, tag: str | None, node: Any) -> bool:
        """Whether to go on into the element."""
        if tag == "br":
            self.break_line()
            return False
        if tag is None or (tag in _UNSEEN and tag not in _MEDIA):
            return False
        attributes = node.attributes
        if tag in _BLOCKS or "-" in tag:
            self.flush()
        page = self.page
        box = Box(tag, self.box, attributes, len(page.blocks), len(page.boxes))
        page.boxes.append(box)
        if tag in _MEDIA or "style" in attributes and "url(" in (attributes["style"] or ""):
            page.media.append(Medium(box, len(page.blocks), self.chars, self.noscript > 0, self.links[-1] if self.links else ""))
        if tag in _UNSEEN:
            return False
        self.box = box
        if tag == "a":
            self.links.append(attributes.get("href") or "")
        elif tag == "pre":
            self.pre += 1
        elif tag in ("td", "th"):
            self.open_cell()
        elif tag == "noscript":
            self.noscript += 1
        return True

    def leave(self) -> None:
        box = self.box
        assert box is not None
        tag = box.tag
        if tag == "a":
            self.links.pop()
        elif tag == "noscript":
            self.noscript -= 1
        elif tag in ("td", "th"):
            self.close_cell()
        if tag in _BLOCKS or "-" in tag:
            self.flush()
        if tag == "pre":
            self.pre -= 1
        box.last = len(self.page.blocks) + (1 if self.pieces else 0)
        self.box = box.parent

    def open_cell(self) -> None:
        if self.pieces:
            self.pieces.append(_CELL)
        self.cell = (len(self.pieces), self.chars, self.link_chars)

    def close_cell(self) -> None:
        """A long cell is no cell: what stood before it in the row is one block, it another."""
        pieces, chars, link_chars = self.cell
        if self.chars - chars <= _LONGEST_CELL:
            return
        if 0 < pieces < len(self.pieces):
            late, after = self.pieces[pieces:], (self.chars - chars, self.link_chars - link_chars)
            self.pieces, self.link_chars = self.pieces[: pieces - 1], link_chars
            box = self.box
            self.flush()
            self.pieces, self.text_box = late, box
            self.chars, self.link_chars = after
        self.flush()

    def break_line(self) -> None:
        if self.pre:
            self.pieces.append("\n")
        elif self.pieces:
            if self.pieces[-1] is _BREAK:
                self.flush()
            else:
                self.pieces.append(_BREAK)

    def flush(self) -> None:
        if not self.pieces:
            return
        text = "".join(self.pieces)
        text = _verbatim(text) if self.pre else squeezed(text)
        if text and self.text_box is not None:
            self.page.blocks.append(Block(text, _block_level(self.text_box), self.text_box, min(self.link_chars, len(text))))
        self.pieces = []
        self.text_box = None
        self.chars = self.link_chars = 0
        self.cell = (0, 0, 0)


def _block_level(box: Box) -> Box:
    while box.parent is not None and box.tag not in _BLOCKS:
        box = box.parent
    return box


def squeezed(text: str) -> str:
    """Runs of white space as one blank, line breaks of the page (`br`) as line feeds."""
    if _BREAK not in text:
        return " ".join(text.split()).strip("| ") if _CELL in text else " ".join(text.split())
    return "\n".join(line for line in (" ".join(line.split()) for line in text.split(_BREAK)) if line)


_BLANK_ENDS = re.compile(r"\A(?:[^\S\n]*\n)+|\s+\Z")


def _verbatim(text: str) -> str:
    return _BLANK_ENDS.sub("", text.replace("\r\n", "\n"))
