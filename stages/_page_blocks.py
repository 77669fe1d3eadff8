"""What a page is made of once it is read: blocks of text, boxes (elements) and media, in document order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stages._page_hints import TAGS, element_hints


class Box:
    """An element: blocks `first` to `last` (exclusive) of the page lie in it. `own` and `hints` are bits of `_page_hints`."""

    __slots__ = ("attributes", "depth", "first", "hints", "last", "nth", "number", "own", "parent", "tag")

    def __init__(self, tag: str, parent: Box | None, attributes: Mapping[str, str | None], first: int, number: int) -> None:
        self.tag = tag
        self.parent = parent
        self.attributes = attributes
        self.first = self.last = first
        self.number = number
        self.depth: int = parent.depth + 1 if parent is not None else 0
        self.own = element_hints(tag, attributes) if attributes else TAGS.get(tag, 0)
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
    """A picture or clip element, in front of block `at`, or `chars` into it. `noscript`: only readers without scripts get it;
    `linked` is the address of the link it stands in."""

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
    drawings: int = 0
    skipped: bool = False
