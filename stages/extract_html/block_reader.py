"""Collects the text of a page into blocks, while `parse.py` traverses it."""

from __future__ import annotations

from interloom.stages.extract_html.block_text import CELL_SEPARATOR, LINE_BREAK, block_text, has_words, is_gap
from interloom.stages.extract_html.formulas import Formula
from interloom.stages.extract_html.page import Block, Node, Page
from interloom.stages.extract_html.tags import IS_BLOCK

_MAX_CELL_CHARS = 200
"""A longer table cell is a block of its own: the table serves the layout. Our choice."""


class BlockReader:
    """The block that is being read, and those that have been read."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.nodes, self.blocks = page.nodes, page.blocks
        self.node: Node | None = None
        self.pieces: list[str] = []  # of the text of the block that is being read
        self.text_node: Node | None = None  # the element of its first word
        self.chars = self.link_chars = self.pre_depth = self.noscript_depth = 0
        self.links: list[str] = []
        self.ended = ""  # the tag of the inline element that has just ended
        self.gap = self.links_meet = False  # another inline element has begun right after it; both are links
        self.cell_start = (0, 0, 0)  # pieces, characters and link characters of the block before the table cell

    def add_text(self, text: str | None) -> None:
        pieces = self.pieces
        if not text:
            return
        if not pieces or pieces[-1] is LINE_BREAK:
            if text.isspace() and not self.pre_depth:
                return
            self.text_node = self.text_node or self.node
        elif self.gap and not self.pre_depth and is_gap(pieces[-1], text, self.links_meet):
            pieces.append(" ")
        self.ended, self.gap = "", False
        pieces.append(text)
        size = len(text)
        self.chars += size
        if self.links:
            self.link_chars += size

    def add_formula(self, formula: Formula) -> None:
        """Adds a formula to the block; one that stands alone is a block of its own, in a node `math`."""
        if not formula.text:
            return
        if not formula.is_display or self.pre_depth or self.links or self.cell_start[0]:
            self.add_text(formula.text)
            return
        self.add_block("math", formula.text)

    def add_listing(self, text: str) -> None:
        """Adds a listing as a block of its own, in a node `pre`."""
        self.pre_depth += 1
        self.add_block("pre", text)
        self.pre_depth -= 1

    def add_block(self, tag: str, text: str) -> None:
        """Adds a block in a node of its own."""
        self.end_block()
        outer = self.node
        self.node = Node(tag, outer, {}, len(self.blocks), len(self.nodes), IS_BLOCK)
        self.nodes.append(self.node)
        self.add_text(text)
        self.end_block()
        self.node.block_end = len(self.blocks)
        self.node = outer

    def open_cell(self) -> None:
        if self.pieces:
            self.pieces.append(CELL_SEPARATOR)
        self.cell_start = (len(self.pieces), self.chars, self.link_chars)

    def close_cell(self) -> None:
        """Makes a cell of more than 200 characters a block of its own, and the cells before it in the row another block."""
        if self.chars - self.cell_start[1] > _MAX_CELL_CHARS:
            self.split_row()
            self.end_block()

    def split_row(self) -> None:
        """Makes the cells before this one in the row a block of their own: the table serves the layout."""
        pieces, chars, link_chars = self.cell_start
        if not 0 < pieces < len(self.pieces):
            return
        cell_pieces, cell_chars, cell_link_chars = self.pieces[pieces:], self.chars - chars, self.link_chars - link_chars
        self.pieces, self.link_chars = self.pieces[: pieces - 1], link_chars
        node = self.node
        self.end_block()
        self.pieces, self.text_node = cell_pieces, node
        self.chars, self.link_chars = cell_chars, cell_link_chars

    def break_line(self) -> None:
        """Reads a `br`; the second of two in a row ends the block."""
        if self.pre_depth:
            self.pieces.append("\n")
        elif self.pieces:
            if self.pieces[-1] is LINE_BREAK:
                self.split_row()
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
