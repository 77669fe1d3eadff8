"""Reads a parsed page (lexbor, a WHATWG parser) once, in document order, into blocks, nodes and media."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from interloom.stages.extract_html.class_names import BIT
from interloom.stages.extract_html.controls import Prose, is_control, is_hidden, stands_in_sentence
from interloom.stages.extract_html.heading_ids import HEADINGS, MISLEADING, hints_but_of_id, is_made_of_heading
from interloom.stages.extract_html.media_reader import MediaReader
from interloom.stages.extract_html.nesting import MAX_DEPTH
from interloom.stages.extract_html.page import Node, Page
from interloom.stages.extract_html.readability.name_patterns import FORMULA, HIDDEN, PICTURE, POST, UNLIKELY_CANDIDATE
from interloom.stages.extract_html.tags import (
    BOILERPLATE_ROLES,
    IS_BLOCK,
    IS_BOILERPLATE,
    IS_CHILDLESS,
    IS_FIGURE,
    IS_MEDIUM,
    IS_NOT_READ,
    IS_PROSE,
    IS_TRACKED,
    KINDS,
    MAY_BE_FORMULA,
    TAG_FLAGS,
    WATCHED,
    WATCHED_HINTS,
    is_unlikely,
    kind_of,
)
from interloom.stages.extract_html.threads import Post

_WATCHED_HINTS = WATCHED_HINTS | MISLEADING
_SKIPPED_SHARE = 0.3
"""An element that is boilerplate by its class or id is skipped if its markup is a smaller share of the page. Our choice."""
_LONG_NOSCRIPT_CHARS = 250
"""A `noscript` with as much text may hold the content of the page, and no request to switch on scripts. Our choice."""
_SERIALIZED_PAGES = 5
"""Markup is serialized to measure it; in all, about this many times the page's size, so that nesting costs little. Our choice."""


def read_page(
    parser: LexborHTMLParser, size: int, keep_boilerplate: bool = False, posts: Sequence[Post] = (), keep_tabs: bool = False
) -> Page:
    """The blocks, nodes and media of a parsed page of `size` characters; skips boilerplate unless `keep_boilerplate`.

    Elements with one of the posts in them are never skipped; with `keep_tabs`, tabs that readers open are not, either.
    """
    reader = _PageReader(keep_boilerplate, size, posts)
    reader.keep_tabs = keep_tabs
    root = parser.root
    if root is not None:
        reader.read(root)
        reader.note_pictures()
    count = len(reader.page.blocks)
    for node in reader.page.nodes:
        if node.block_end > count:  # the last text of the page has not become a block
            node.block_end = count
    return reader.page


class _PageReader(MediaReader):
    """Traverses the parser's tree without recursion. `parsed` is a node of the parser, `node` is ours."""

    def __init__(self, keep_boilerplate: bool, size: int, posts: Sequence[Post]) -> None:
        super().__init__(Page())
        self.prose: Prose | None = None  # the heading or paragraph that is being read
        self.headings = {post.body.mem_id: post.heading for post in posts}
        self.holds_post = {node.mem_id for post in posts for node in post.ancestors()}
        self.size, self.serialized_chars = size, 0
        self.keep_boilerplate, self.keep_tabs = keep_boilerplate, False

    def read(self, root: Any) -> None:
        self.root = parsed = root
        stack, is_too_deep = list[Any](), False
        while parsed is not None:
            tag, flags = KINDS.get(parsed.tag_id) or kind_of(parsed)
            child = None
            if tag == "-text":
                text = parsed.text_content
                if (self.pieces or self.pre_depth or not text.isspace()) and not self.noscript_depth:
                    self.add_text(text)
            elif flags & IS_NOT_READ:
                self.pass_by(tag, parsed)
            else:
                child = self.read_element(tag, flags, parsed)
            if child is not None:
                stack.append(parsed)
                is_too_deep |= len(stack) > MAX_DEPTH
            else:
                while stack and (child := parsed.next) is None:
                    self.leave()
                    parsed = stack.pop()
            parsed = child
        self.page.is_too_deep = is_too_deep

    def read_element(self, tag: str, flags: int, parsed: Any) -> Any:
        """Starts an element, and ends it if it has no content; returns the first node in it that is to be read, or None."""
        attributes = parsed.attributes
        if self.prose is not None and not flags & IS_MEDIUM and is_control(tag, attributes, parsed, self.prose):
            self.leave_out(parsed)
            self.unread.append(parsed)
            return None
        if self.ended and not flags & IS_BLOCK:
            self.gap, self.links_meet = True, self.ended == tag == "a"
        elif self.pieces and flags & (IS_BLOCK | MAY_BE_FORMULA) == IS_BLOCK:
            self.end_block()
        node = Node(tag, self.node, attributes, len(self.blocks), len(self.nodes), flags)
        if not (flags & WATCHED or node.own_hints & _WATCHED_HINTS or self.headings):
            self.nodes.append(node)
        elif not self.enter(node, parsed):
            self.unread.append(parsed)
            return None
        self.node = node
        if flags & (IS_PROSE | IS_TRACKED):
            self.open(node, parsed)
        child = parsed.child
        if child is None:
            self.leave()
        return child

    def enter(self, node: Node, parsed: Any) -> bool:
        """Starts an element that may be more than text; returns whether to read its content."""
        flags, hints, attributes = node.tag_flags, node.own_hints, node.attributes
        if (flags & MAY_BE_FORMULA or hints & FORMULA) and self.formula(node.tag, attributes, parsed):
            return False
        self.nodes.append(node)
        self.page.may_be_thread |= hints & POST != 0
        if flags & IS_FIGURE or "itemtype" in attributes:
            self.page.figures.append(node)
        if hints & MISLEADING and self.is_made_of_heading(node, parsed):
            node.own_hints &= ~MISLEADING | hints_but_of_id(node.tag, attributes)
        if self.headings and parsed.mem_id in self.headings:
            self.page.posts.append((node, self.headings[parsed.mem_id]))
        return self.is_read(node, parsed)

    def is_made_of_heading(self, node: Node, parsed: Any) -> bool:
        """Whether the id of an element is made of the words of a heading, which is not about what the element is for."""
        heading = parsed if node.tag in HEADINGS else None
        if self.prose is not None and self.prose.tag != "p":
            heading = self.prose.parsed
        return bool(node.attributes.get("id")) and is_made_of_heading(node.tag, node.attributes, parsed, heading)

    def is_read(self, node: Node, parsed: Any) -> bool:
        """Whether the content of an element is read that may be a picture or boilerplate; notes it if it may show a picture."""
        flags, hints = node.tag_flags, node.own_hints
        if flags & IS_MEDIUM or hints & PICTURE:
            self.add_medium(node, parsed)
        if flags & IS_CHILDLESS and self.is_replaced(node, parsed):
            return False
        may_be_skipped = flags & IS_BOILERPLATE or hints & (UNLIKELY_CANDIDATE | HIDDEN) or "role" in node.attributes
        return not (may_be_skipped and self.is_skipped(node, parsed))

    def is_skipped(self, node: Node, parsed: Any) -> bool:
        """Whether to skip the element as boilerplate; records in the page that something was skipped.

        What stands within a sentence is a part of it, whatever it is called, unless its style hides it.
        """
        if self.keep_boilerplate or (self.headings and (parsed.mem_id in self.headings or parsed.mem_id in self.holds_post)):
            return False
        role = node.attributes.get("role")
        if role == "tabpanel" and node.own_hints & HIDDEN and node.closest("article", "main") is not None:
            self.page.holds_closed_tabs = True
            if self.keep_tabs:
                return False
        has_role = role in BOILERPLATE_ROLES
        is_skipped = node.tag_flags & IS_BOILERPLATE or has_role or (is_unlikely(node) and self.is_small(parsed, node.own_hints))
        if is_skipped and not node.tag_flags & IS_BLOCK and not is_hidden(node.attributes) and stands_in_sentence(parsed):
            return False
        if is_skipped:
            self.page.skipped_boilerplate = True
            if not node.tag_flags & IS_MEDIUM:
                if node.own_hints & PICTURE:
                    self.page.media.pop()
                    self.read_media.discard(parsed.mem_id)
                self.leave_out(parsed)
        return bool(is_skipped)

    def is_small(self, parsed: Any, hints: int) -> bool:
        """Whether the element's markup is a small share of the page; False once too much markup has been serialized."""
        if self.serialized_chars > _SERIALIZED_PAGES * self.size:
            return False
        size = len(parsed.html or "")
        self.serialized_chars += size
        is_small = size < _SKIPPED_SHARE * self.size
        if is_small and hints & BIT["comment"]:
            self.page.skipped_comment_chars += size
        return is_small

    def open(self, node: Node, parsed: Any) -> None:
        tag = node.tag
        if node.tag_flags & IS_PROSE:
            self.prose = Prose(tag, parsed)
        elif tag == "a":
            self.links.append(node.attributes.get("href") or "?")
        elif tag == "pre":
            self.pre_depth += 1
        elif tag == "noscript":
            self.open_noscript(node, parsed)
        elif tag == "q":
            self.add_text("“")
        else:
            self.open_cell()

    def open_noscript(self, node: Node, parsed: Any) -> None:
        is_long = len(parsed.text() or "") >= _LONG_NOSCRIPT_CHARS
        self.page.skipped_boilerplate |= is_long
        if is_long and self.keep_boilerplate:
            node.tag_flags = TAG_FLAGS["div"]
        else:
            self.noscript_depth += 1

    def close(self, tag: str) -> None:
        if tag == "a":
            self.links.pop()
        elif tag == "pre":
            self.end_block()
            self.pre_depth -= 1
        elif tag == "noscript":
            self.noscript_depth -= 1
        elif tag == "q":
            self.add_text("”")
        else:
            self.close_cell()

    def leave(self) -> None:
        node = self.node
        assert node is not None
        flags = node.tag_flags
        if flags & IS_PROSE:
            self.prose = None
        elif flags & IS_TRACKED:
            self.close(node.tag)
        if flags & IS_BLOCK:
            if self.pieces:
                self.end_block()
            self.ended = ""
        else:
            self.ended = node.tag
        node.block_end = len(self.blocks) + (1 if self.pieces else 0)
        node.end = len(self.nodes)
        self.node = node.parent
