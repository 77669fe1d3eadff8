"""What a page is made of once it is read: blocks of text, boxes (elements) and media, in document order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from interloom.stages.extract_html.class_names import TAGS, element_hints


class Box:
    """An element: blocks `first` to `last` (exclusive) of the page lie in it, and boxes `number` to `end`.

    `kind` is what the walk takes its tag for, `own` are its bits of `class_names.py`; `hints`, those of the boxes around it too,
    and `depth` are known once `features.py` has been there.
    """

    depth: int
    hints: int
    __slots__ = ("attributes", "depth", "end", "first", "hints", "kind", "last", "number", "own", "parent", "tag")

    def __init__(
        self, tag: str, parent: Box | None, attributes: Mapping[str, str | None], first: int, number: int, kind: int
    ) -> None:
        self.tag = tag
        self.parent = parent
        self.attributes = attributes
        self.first = self.last = first
        self.number = number
        self.end = number + 1
        self.kind = kind
        self.own = element_hints(tag, attributes) if attributes else TAGS.get(tag, 0)

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
    inputs: list[int] = field(default_factory=list)  # where `input` elements stand, as numbers of boxes
    drawings: int = 0
    skipped: bool = False


def children(boxes: Sequence[Box], box: Box) -> list[Box]:
    """The boxes that stand directly in one."""
    found, n = list[Box](), box.number + 1
    while n < box.end:
        found.append(boxes[n])
        n = boxes[n].end
    return found
