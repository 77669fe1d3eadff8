"""Reads a parsed page (lexbor, the WHATWG parser) once, in document order, into blocks, boxes and media."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from interloom.stages.extract_html.page import Block, Box, Medium, Page
from interloom.stages.extract_html.readability.names import UNLIKELY, UNSEEN
from interloom.stages.extract_html.tags import (
    ASIDE_ROLES,
    IS_ASIDE,
    IS_BLOCK,
    IS_CLOSED,
    IS_MEDIUM,
    IS_SPECIAL,
    IS_UNSEEN,
    KINDS,
    is_unlikely,
)

_SMALL, _WRITTEN_OUT = 0.3, 5  # of the page, times the page
_BREAK, _CELL = "\x0b", " | "
_LONGEST_CELL = 200  # characters; what is longer is a text of its own, in a table that only places things


def page_of(parser: LexborHTMLParser, size: int, whole: bool = False) -> Page:
    """The blocks of a parsed page, those of navigation and footers only when it is wanted whole."""
    walk = _Walk(whole, size)
    root = parser.root
    if root is not None:
        walk.through(root)
    for box in walk.page.boxes:  # the last pieces of a page may have come to no block
        if box.last > len(walk.page.blocks):
            box.last = len(walk.page.blocks)
    return walk.page


class _Walk:
    """Goes through the tree without recursion; one wrapper object per node."""

    def __init__(self, whole: bool, size: int) -> None:
        self.size, self.written = size, 0
        self.page = Page()
        self.boxes, self.blocks = self.page.boxes, self.page.blocks
        self.whole = whole
        self.box: Box | None = None
        self.pieces: list[str] = []
        self.text_box: Box | None = None
        self.chars = self.link_chars = self.pre = self.noscript = 0
        self.links: list[str] = []
        self.cell = (0, 0, 0)

    def through(self, root: Any) -> None:
        node, stack = root, list[Any]()
        while node is not None:
            tag, child = node.tag, None
            if tag == "-text":
                if not self.noscript:
                    self.add(node.text_content)
            elif self.enter(tag, node):
                child = node.child
                if child is None:
                    self.leave()
            if child is not None:
                stack.append(node)
                node = child
            else:
                node = self.after(node, stack)

    def after(self, node: Any, stack: list[Any]) -> Any:
        """What follows a node in the document, all that ends with it left."""
        while stack:
            following = node.next
            if following is not None:
                return following
            self.leave()
            node = stack.pop()
        return None

    def add(self, text: str | None) -> None:
        pieces = self.pieces
        if not text:
            return
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
        kind = KINDS[tag] if tag is not None else IS_UNSEEN
        if kind & IS_UNSEEN or tag is None:
            self.pass_by(tag)
            return False
        if kind & IS_BLOCK and self.pieces:
            self.flush()
        attributes, boxes, at = node.attributes, self.boxes, len(self.blocks)
        box = Box(tag, self.box, attributes, at, len(boxes), kind)
        boxes.append(box)
        if kind & IS_MEDIUM or ("style" in attributes and "url(" in (attributes["style"] or "")):
            self.page.media.append(Medium(box, at, self.chars, self.noscript > 0, self.links[-1] if self.links else ""))
        if kind & IS_CLOSED or (
            (kind & IS_ASIDE or box.own & (UNLIKELY | UNSEEN) or "role" in attributes) and self.is_aside(box, node)
        ):
            return False
        self.box = box
        if kind & IS_SPECIAL:
            self.open(tag, attributes)
        return True

    def pass_by(self, tag: str | None) -> None:
        if tag == "br":
            self.break_line()
        elif tag == "svg":
            self.page.drawings += 1
        elif tag == "input":
            self.page.inputs.append(len(self.boxes))

    def is_aside(self, box: Box, node: Any) -> bool:
        """Whether to leave the element out; it is remembered that something was."""
        if self.whole:
            return False
        aside = box.kind & IS_ASIDE or box.attributes.get("role") in ASIDE_ROLES or (is_unlikely(box) and self.is_small(node))
        self.page.skipped |= bool(aside)
        return bool(aside)

    def is_small(self, node: Any) -> bool:
        """By its markup, which is written out for that, in all not more than a few times."""
        if self.written > _WRITTEN_OUT * self.size:
            return False
        size = len(node.html or "")
        self.written += size
        return size < _SMALL * self.size

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
        kind = box.kind
        if kind & IS_SPECIAL:
            self.close(box.tag)
        if self.pieces and kind & IS_BLOCK:
            self.flush()
        box.last = len(self.blocks) + (1 if self.pieces else 0)
        box.end = len(self.boxes)
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
        pieces, box = self.pieces, self.text_box
        if not pieces:
            return
        text = "".join(pieces)
        text = _verbatim(text) if self.pre else squeezed(text)
        if not text.isprintable():
            text = _CONTROL.sub("", text)
        if box is not None and (text[:1].isalnum() or _WRITTEN.search(text)):
            links = self.link_chars
            self.blocks.append(Block(text, box if box.kind & IS_BLOCK else _block_level(box), box, min(links, len(text))))
        self.pieces = []
        self.text_box = None
        self.chars = self.link_chars = 0
        self.cell = (0, 0, 0)


def _block_level(box: Box) -> Box:
    while box.parent is not None and not box.kind & IS_BLOCK:
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
