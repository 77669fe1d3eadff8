"""Reads a parsed page (lexbor, a WHATWG parser) once, in document order, into blocks, nodes and media."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from interloom.stages.extract_html.block_text import CELL_SEPARATOR, LINE_BREAK, block_text, has_words
from interloom.stages.extract_html.page import Block, Medium, Node, Page
from interloom.stages.extract_html.readability.name_patterns import HIDDEN, UNLIKELY_CANDIDATE
from interloom.stages.extract_html.tags import (
    BOILERPLATE_ROLES,
    HOLDS_PICTURES,
    IS_BLOCK,
    IS_BOILERPLATE,
    IS_CHILDLESS,
    IS_MEDIUM,
    IS_NOT_READ,
    IS_TRACKED,
    TAG_FLAGS,
    is_unlikely,
)

_SKIPPED_SHARE = 0.3
"""An element that is boilerplate by its class or id is skipped if its markup is a smaller share of the page. Our choice."""
_SERIALIZED_PAGES = 5
"""Markup is serialized to measure it; in all, about this many times the page's size, so that nesting costs little. Our choice."""
_MAX_CELL_CHARS = 200
"""A longer table cell is a block of its own: the table serves the layout. Our choice."""


def read_page(parser: LexborHTMLParser, size: int, keep_boilerplate: bool = False) -> Page:
    """The blocks, nodes and media of a parsed page of `size` characters; skips boilerplate unless `keep_boilerplate`."""
    reader = _PageReader(keep_boilerplate, size)
    root = parser.root
    if root is not None:
        reader.read(root)
    for node in reader.page.nodes:  # the last text of the page may not have become a block
        if node.block_end > len(reader.page.blocks):
            node.block_end = len(reader.page.blocks)
    return reader.page


class _PageReader:
    """Traverses the parser's tree without recursion. `parsed` is a node of the parser, `node` is ours."""

    def __init__(self, keep_boilerplate: bool, size: int) -> None:
        self.size, self.serialized_chars = size, 0
        self.page = Page()
        self.nodes, self.blocks = self.page.nodes, self.page.blocks
        self.keep_boilerplate = keep_boilerplate
        self.node: Node | None = None
        self.pieces: list[str] = []  # of the text of the block that is being read
        self.text_node: Node | None = None  # the element of its first word
        self.chars = self.link_chars = self.pre_depth = self.noscript_depth = 0
        self.links: list[str] = []
        self.cell_start = (0, 0, 0)  # pieces, characters and link characters of the block before the table cell

    def read(self, root: Any) -> None:
        parsed, stack = root, list[Any]()
        while parsed is not None:
            tag, child = parsed.tag, None
            if tag == "-text":
                if not self.noscript_depth:
                    self.add_text(parsed.text_content)
            elif self.enter(tag, parsed):
                child = parsed.child
                if child is None:
                    self.leave()
            if child is not None:
                stack.append(parsed)
                parsed = child
            else:
                parsed = self.following(parsed, stack)

    def following(self, parsed: Any, stack: list[Any]) -> Any:
        """The next node in document order that is not a descendant; leaves the elements that end before it."""
        while stack:
            sibling = parsed.next
            if sibling is not None:
                return sibling
            self.leave()
            parsed = stack.pop()
        return None

    def add_text(self, text: str | None) -> None:
        pieces = self.pieces
        if not text:
            return
        if not pieces or pieces[-1] is LINE_BREAK:
            if text.isspace() and not self.pre_depth:
                return
            self.text_node = self.text_node or self.node
        pieces.append(text)
        size = len(text)
        self.chars += size
        if self.links:
            self.link_chars += size

    def enter(self, tag: str | None, parsed: Any) -> bool:
        """Starts an element; returns whether to read its content."""
        flags = TAG_FLAGS[tag] if tag is not None else IS_NOT_READ
        if flags & IS_NOT_READ or tag is None:
            self.note_unread(tag, parsed)
            return False
        if flags & IS_BLOCK and self.pieces:
            self.end_block()
        attributes, nodes, block = parsed.attributes, self.nodes, len(self.blocks)
        node = Node(tag, self.node, attributes, block, len(nodes), flags)
        nodes.append(node)
        if flags & IS_MEDIUM or ("style" in attributes and "url(" in (attributes["style"] or "")):
            link = self.links[-1] if self.links else ""
            self.page.media.append(Medium(node, block, self.chars, self.noscript_depth > 0, link))
        if flags & IS_CHILDLESS or (
            (flags & IS_BOILERPLATE or node.own_hints & (UNLIKELY_CANDIDATE | HIDDEN) or "role" in attributes)
            and self.is_skipped(node, parsed)
        ):
            return False
        self.node = node
        if flags & IS_TRACKED:
            self.open(tag, attributes)
        return True

    def note_unread(self, tag: str | None, parsed: Any) -> None:
        if tag == "br":
            self.break_line()
        elif tag == "svg":
            self.page.svg_count += 1
        elif tag == "input":
            self.page.input_positions.append(len(self.nodes))
        elif tag in HOLDS_PICTURES:
            self.note_pictures(parsed)

    def is_skipped(self, node: Node, parsed: Any) -> bool:
        """Whether to skip the element as boilerplate; records in the page that something was skipped."""
        if self.keep_boilerplate:
            return False
        has_role = node.attributes.get("role") in BOILERPLATE_ROLES
        is_skipped = node.tag_flags & IS_BOILERPLATE or has_role or (is_unlikely(node) and self.is_small(parsed))
        if is_skipped:
            self.page.skipped_boilerplate = True
            if not node.tag_flags & IS_MEDIUM:
                self.note_pictures(parsed)
        return bool(is_skipped)

    def note_pictures(self, parsed: Any) -> None:
        """Notes the pictures in an element whose content is not read."""
        self.page.skipped_pictures += [picture.attributes for picture in parsed.css("img, amp-img")]

    def is_small(self, parsed: Any) -> bool:
        """Whether the element's markup is a small share of the page; False once too much markup has been serialized."""
        if self.serialized_chars > _SERIALIZED_PAGES * self.size:
            return False
        size = len(parsed.html or "")
        self.serialized_chars += size
        return size < _SKIPPED_SHARE * self.size

    def open(self, tag: str, attributes: Mapping[str, str | None]) -> None:
        if tag == "a":
            self.links.append(attributes.get("href") or "?")
        elif tag == "pre":
            self.pre_depth += 1
        elif tag == "noscript":
            self.noscript_depth += 1
        else:
            self.open_cell()

    def close(self, tag: str) -> None:
        if tag == "a":
            self.links.pop()
        elif tag == "pre":
            self.end_block()
            self.pre_depth -= 1
        elif tag == "noscript":
            self.noscript_depth -= 1
        else:
            self.close_cell()

    def leave(self) -> None:
        node = self.node
        assert node is not None
        flags = node.tag_flags
        if flags & IS_TRACKED:
            self.close(node.tag)
        if self.pieces and flags & IS_BLOCK:
            self.end_block()
        node.block_end = len(self.blocks) + (1 if self.pieces else 0)
        node.end = len(self.nodes)
        self.node = node.parent

    def open_cell(self) -> None:
        if self.pieces:
            self.pieces.append(CELL_SEPARATOR)
        self.cell_start = (len(self.pieces), self.chars, self.link_chars)

    def close_cell(self) -> None:
        """Makes a cell of more than 200 characters a block of its own, and the cells before it in the row another block."""
        pieces, chars, link_chars = self.cell_start
        if self.chars - chars <= _MAX_CELL_CHARS:
            return
        if 0 < pieces < len(self.pieces):
            cell_pieces, cell_chars, cell_link_chars = self.pieces[pieces:], self.chars - chars, self.link_chars - link_chars
            self.pieces, self.link_chars = self.pieces[: pieces - 1], link_chars
            node = self.node
            self.end_block()
            self.pieces, self.text_node = cell_pieces, node
            self.chars, self.link_chars = cell_chars, cell_link_chars
        self.end_block()

    def break_line(self) -> None:
        """Reads a `br`; the second of two in a row ends the block."""
        if self.pre_depth:
            self.pieces.append("\n")
        elif self.pieces:
            if self.pieces[-1] is LINE_BREAK:
                self.end_block()
            else:
                self.pieces.append(LINE_BREAK)

    def end_block(self) -> None:
        pieces, node = self.pieces, self.text_node
        if not pieces:
            return
        text = block_text(pieces, verbatim=self.pre_depth > 0)
        if node is not None and has_words(text):
            links = min(self.link_chars, len(text))
            self.blocks.append(Block(text, node if node.tag_flags & IS_BLOCK else _block_level(node), node, links))
        self.pieces = []
        self.text_node = None
        self.chars = self.link_chars = 0
        self.cell_start = (0, 0, 0)


def _block_level(node: Node) -> Node:
    """The nearest block-level element that the node is or is in; the root without one."""
    while node.parent is not None and not node.tag_flags & IS_BLOCK:
        node = node.parent
    return node
