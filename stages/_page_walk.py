"""Reads a parsed page (lexbor, the WHATWG parser) once, in document order, into blocks, boxes and media."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from stages._page_blocks import Block, Box, Medium, Page


def _tags(names: str) -> frozenset[str]:
    return frozenset(names.split())


_BLOCKS = _tags(
    "address article aside blockquote body button caption center dd details dialog dir div dl dt fieldset figcaption figure "
    "footer form frameset h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu nav ol p pre section summary table "
    "tbody tfoot thead tr ul picture video audio"
)
_UNSEEN = _tags(
    "head script style template select textarea datalist canvas math map object embed iframe -comment title link meta "
    "option input svg br"
)
_MEDIA = _tags("img amp-img source video audio iframe amp-iframe amp-youtube amp-video embed object image")
_ASIDE = frozenset(("nav", "footer", "dialog"))
_ASIDE_ROLES = frozenset(("navigation", "contentinfo", "menu", "menubar", "dialog", "search"))
_SPECIAL = frozenset(("a", "pre", "noscript", "td", "th"))
_IS_BLOCK, _IS_MEDIUM, _IS_UNSEEN, _IS_CLOSED, _IS_SPECIAL = 1, 2, 4, 8, 16


@lru_cache(maxsize=1 << 10)
def _kind(tag: str) -> int:
    """What a tag is, as bits; elements that pages made up are taken for boxes."""
    kind = _IS_BLOCK if tag in _BLOCKS or "-" in tag else 0
    if tag in _MEDIA:
        kind |= _IS_MEDIUM | (_IS_CLOSED if tag in _UNSEEN else 0)
    elif tag in _UNSEEN:
        kind |= _IS_UNSEEN
    return kind | (_IS_SPECIAL if tag in _SPECIAL else 0)


_BREAK, _CELL = "\x0b", " | "
_LONGEST_CELL = 200  # characters; what is longer is a text of its own, in a table that only places things


def page_of(parser: LexborHTMLParser, whole: bool = False) -> Page:
    """The blocks of a parsed page, those of navigation and footers only when it is wanted whole."""
    walk = _Walk(whole)
    root = parser.root
    if root is not None:
        walk.through(root)
    for box in walk.page.boxes:  # the last pieces of a page may have come to no block
        if box.last > len(walk.page.blocks):
            box.last = len(walk.page.blocks)
    return walk.page


class _Walk:
    """Goes through the tree without recursion; one wrapper object per node."""

    def __init__(self, whole: bool) -> None:
        self.page = Page()
        self.whole = whole
        self.box: Box | None = None
        self.pieces: list[str] = []
        self.text_box: Box | None = None
        self.chars = self.link_chars = self.pre = self.noscript = 0
        self.links: list[str] = []
        self.cell = (0, 0, 0)

    def through(self, root: Any) -> None:
        node, stack = root, list[Any]()
        while True:
            child = self.visit(node)
            if child is not None:
                stack.append(node)
                node = child
                continue
            following = node.next if stack else None
            while following is None and stack:
                self.leave()
                node = stack.pop()
                following = node.next if stack else None
            if following is None:
                return
            node = following

    def visit(self, node: Any) -> Any:
        """Takes a node in; its first child, if there is any to be visited."""
        tag = node.tag
        if tag == "-text":
            if not self.noscript:
                self.add(node.text_content or "")
            return None
        if not self.enter(tag, node):
            return None
        child = node.child
        if child is None:
            self.leave()
        return child

    def add(self, text: str) -> None:
        pieces = self.pieces
        if not pieces or pieces[-1] is _BREAK:
            if text.isspace() and not self.pre:
                return
            self.text_box = self.text_box or self.box
        pieces.append(text)
        size = len(text)
        self.chars += size
        if self.links:
            self.link_chars += size

    def enter(self, tag: str | None, node: Any) -> bool:
        """Whether to go on into the element."""
        kind = _kind(tag) if tag else _IS_UNSEEN
        if tag is None or kind & _IS_UNSEEN:
            self.pass_by(tag)
            return False
        if kind & _IS_BLOCK and self.pieces:
            self.flush()
        page, attributes = self.page, node.attributes
        box = Box(tag, self.box, attributes, len(page.blocks), len(page.boxes))
        page.boxes.append(box)
        if kind & _IS_MEDIUM or ("style" in attributes and "url(" in (attributes["style"] or "")):
            page.media.append(Medium(box, len(page.blocks), self.chars, self.noscript > 0, self.links[-1] if self.links else ""))
        if kind & _IS_CLOSED or self.is_aside(tag, attributes):
            return False
        self.box = box
        if kind & _IS_SPECIAL:
            self.open(tag, attributes)
        return True

    def pass_by(self, tag: str | None) -> None:
        if tag == "br":
            self.break_line()
        elif tag == "svg":
            self.page.drawings += 1

    def is_aside(self, tag: str, attributes: Mapping[str, str | None]) -> bool:
        """Whether to leave the element out; it is remembered that something was."""
        if self.whole or not (tag in _ASIDE or ("role" in attributes and attributes["role"] in _ASIDE_ROLES)):
            return False
        self.page.skipped = True
        return True

    def open(self, tag: str, attributes: Mapping[str, str | None]) -> None:
        if tag == "a":
            self.links.append(attributes.get("href") or "?")
        elif tag == "pre":
            self.pre += 1
        elif tag == "noscript":
            self.noscript += 1
        else:
            self.open_cell()

    def close(self, tag: str) -> None:
        if tag == "a":
            self.links.pop()
        elif tag == "pre":
            self.flush()
            self.pre -= 1
        elif tag == "noscript":
            self.noscript -= 1
        else:
            self.close_cell()

    def leave(self) -> None:
        box = self.box
        assert box is not None
        kind = _kind(box.tag)
        if kind & _IS_SPECIAL:
            self.close(box.tag)
        if self.pieces and kind & _IS_BLOCK:
            self.flush()
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
        if not text.isprintable():
            text = _CONTROL.sub("", text)
        if self.text_box is not None and _WRITTEN.search(text):
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


_WRITTEN = re.compile(r"[^\W_]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\ufffe\uffff]")
_BLANK_ENDS = re.compile(r"\A(?:[^\S\n]*\n)+|\s+\Z")


def _verbatim(text: str) -> str:
    return _BLANK_ENDS.sub("", text.replace("\r\n", "\n"))
