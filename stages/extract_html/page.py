"""A page as it was read: blocks of text, nodes (HTML elements) and media, each in document order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from interloom.stages.extract_html.class_names import TAG_HINTS, element_hints

_SOUGHT = """
    a article blockquote body button caption code dd details div dt figcaption figure h1 h2 h3 h4 h5 h6 li main math p picture pre
    section summary table td th tr
"""
_SOUGHT_BITS = {tag: 1 << n for n, tag in enumerate(_SOUGHT.split())}
"""The tags that `Node.closest` is asked for."""


class _Masks(dict[tuple[str, ...], int]):
    """The bits of several tags, computed when they are first asked for."""

    def __missing__(self, tags: tuple[str, ...]) -> int:
        self[tags] = mask = sum(_SOUGHT_BITS[tag] for tag in tags)
        return mask


_MASKS = _Masks()


class Node:
    """An HTML element. Its text is `page.blocks[block_start:block_end]`; it and its descendants are `page.nodes[number:end]`.

    `tag_flags` are the bits of `tags.py`. `own_hints` are the bits of `class_names.py` for this element alone; `path_hints` are
    those of the element and of its ancestors, `chain` has the bits of their tags. `path_hints` and `depth` exist only after
    `features.hand_down_hints` has run.
    """

    depth: int
    path_hints: int
    __slots__ = (
        "attributes",
        "block_end",
        "block_start",
        "chain",
        "depth",
        "end",
        "number",
        "own_hints",
        "parent",
        "path_hints",
        "tag",
        "tag_flags",
    )

    def __init__(
        self,
        tag: str,
        parent: Node | None,
        attributes: Mapping[str, str | None],
        block_start: int,
        number: int,
        tag_flags: int,
    ) -> None:
        self.tag = tag
        self.parent = parent
        self.attributes = attributes
        self.block_start = self.block_end = block_start
        self.number = number
        self.end = number + 1
        self.tag_flags = tag_flags
        self.chain: int = _SOUGHT_BITS.get(tag, 0) | (parent.chain if parent is not None else 0)
        self.own_hints = element_hints(tag, attributes) if attributes else TAG_HINTS.get(tag, 0)

    def closest(self, *tags: str) -> Node | None:
        """The nearest node with one of these tags: the node itself or an ancestor, as `Element.closest` in the DOM."""
        node: Node | None = self if self.chain & _MASKS[tags] else None
        while node is not None and node.tag not in tags:
            node = node.parent
        return node


@dataclass(slots=True, eq=False)
class Block:
    """A run of text that no block-level tag interrupts; `link_chars` of its characters are link text.

    `node` is the block-level element that the text stands in, `inner_node` the innermost element of its first word:
    `<p><b>So</b> it is` gives one block "So it is" with `node` p and `inner_node` b.
    """

    text: str
    node: Node
    inner_node: Node
    link_chars: int


Reason = Literal[
    "in_boilerplate",
    "outside_content",
    "no_address",
    "same_picture",
    "preview",
    "tracking_pixel",
    "decoration",
    "background",
    "control",
    "formula",
]
"""Why a picture is left out: it stands in an element that is not read (navigation, footers, hidden elements), or elsewhere
outside of the main content; no attribute names a picture; it is shown already, in another size or for browsers without scripts;
the full picture, or a clip, stands in its place; a side has at most 2 pixels; it is an icon of the page's software; it is behind
text; it is a button; it shows a formula, which is text."""


@dataclass(slots=True, eq=False)
class Medium:
    """An element that may show an image or a clip.

    It stands in block number `block`, after `chars` of its characters; 0 characters: in front of that block. `in_noscript` says
    that only browsers without scripts show it. `link` is the address of the link around it; empty without a link.
    """

    node: Node
    block: int
    chars: int
    in_noscript: bool
    link: str


@dataclass(slots=True)
class Page:
    """What `parse.read_page` returns."""

    blocks: list[Block] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    media: list[Medium] = field(default_factory=list)
    figures: list[Node] = field(default_factory=list)
    """The `figure` elements, and those with an `itemtype`, which may be an ImageObject."""
    input_positions: list[int] = field(default_factory=list)
    """For each `input` element, which is not a node: the number that the next node has."""
    posts: list[tuple[Node, str]] = field(default_factory=list)
    """Of a thread: the node with the text of each post, and the heading with its author and date; "" without any."""
    holds_article: bool = False
    """Whether there is main content beside the posts: an article with comments."""
    skipped_pictures: list[tuple[str, Reason]] = field(default_factory=list)
    """The addresses of the pictures in elements that are not read, and why they are left out."""
    item_urls: list[tuple[int, str]] = field(default_factory=list)
    """Addresses of pictures in `meta` and `link` elements of microdata, with the number of the node that they are in."""
    svg_count: int = 0
    skipped_comment_chars: int = 0
    """Characters of markup of the elements that were left out as comments."""
    holds_closed_tabs: bool = False
    """Whether tabs in the article are hidden until readers open them."""
    may_be_thread: bool = False
    """Whether an element is called as what holds the posts of a thread."""
    is_too_deep: bool = False
    """Whether elements are nested deeper than `nesting.MAX_DEPTH`."""
    skipped_boilerplate: bool = False
    """Whether elements were left out as boilerplate while the page was read."""


def children(nodes: Sequence[Node], node: Node) -> list[Node]:
    """The child elements of a node, in document order; `nodes` are all nodes of the page."""
    child_nodes, n = list[Node](), node.number + 1
    while n < node.end:
        child_nodes.append(nodes[n])
        n = nodes[n].end
    return child_nodes
