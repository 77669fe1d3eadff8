"""The kept blocks and pictures of a page as the elements of a document."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence, Set
from dataclasses import dataclass, field

from interloom.schemas.document import Clip, Element, Image, Text
from interloom.stages.extract_html.image_selection import is_caption
from interloom.stages.extract_html.images import Picture
from interloom.stages.extract_html.page import Block, Box, Page, children

_ROLES = {
    **dict.fromkeys(("h1", "h2", "h3", "h4", "h5", "h6"), "heading"),
    **dict.fromkeys(("li", "dd", "dt"), "list_item"),
    **dict.fromkeys(("table", "caption"), "table"),
    "pre": "code",
    "blockquote": "quote",
    "figcaption": "caption",
}
_LONGEST_CELL, _LONGEST_CAPTION = 120, 1000  # characters; a table of longer cells only places things


class _Paths:
    """Where elements are in the DOM, from the root, counted among siblings of their tag: `html/body/p[2]`."""

    def __init__(self, boxes: Sequence[Box]) -> None:
        self.boxes = boxes
        self.known: dict[int, str] = {}

    def of(self, box: Box) -> str:
        path = self.known.get(box.number)
        return path if path is not None else self.learn(box)

    def learn(self, box: Box) -> str:
        """Of the box and all beside it, and so of those around it before that."""
        unknown = [box]
        while (around := unknown[-1].parent) is not None and around.number not in self.known:
            unknown.append(around)
        for one in reversed(unknown):
            parent = one.parent
            start = self.known[parent.number] + "/" if parent is not None else ""
            times: dict[str, int] = {}
            for child in children(self.boxes, parent) if parent is not None else [one]:
                nth = times[child.tag] = times.get(child.tag, 0) + 1
                self.known[child.number] = f"{start}{child.tag}" if nth == 1 else f"{start}{child.tag}[{nth}]"
        return self.known[box.number]


@dataclass(slots=True)
class _Writer:
    paths: _Paths
    elements: list[Element] = field(default_factory=list)
    offset: int = 0

    def say(self, text: str, role: str, box: Box) -> None:
        path = self.paths.of(box)
        self.elements.append(Text(position=len(self.elements), text=text, role=role, path=path, offset=self.offset))
        self.offset += len(text) + 2

    def show(self, picture: Picture, caption: Block | None) -> None:
        kind = Clip if picture.clip else Image
        at, offset, path = len(self.elements), max(self.offset - 2, 0), self.paths.of(picture.box)
        self.elements.append(kind(position=at, url=picture.url, alt=picture.alt, path=path, offset=offset))
        if caption is not None:
            path = self.paths.of(caption.box)
            self.elements.append(Text(position=at + 1, origin="caption", role="caption", of=at, text=caption.text, path=path))


def elements(page: Page, chosen: Sequence[bool], pictures: Sequence[Picture]) -> tuple[Element, ...]:
    """In reading order, with their roles, paths and offsets; a caption follows its picture."""
    captions = _captions(page, pictures)
    spoken = {n for n, block in captions.values()}
    writer, waiting = _Writer(_Paths(page.boxes)), deque(pictures)
    gaps = {picture.gap for picture in pictures}
    groups = _groups(page, [keep and n not in spoken for n, keep in enumerate(chosen)], gaps)
    for numbers in groups:
        while waiting and waiting[0].gap <= numbers[0]:
            writer.show(waiting[0], captions.get(waiting.popleft().box.number, (0, None))[1])
        _write(writer, [page.blocks[n] for n in numbers])
    for picture in waiting:
        writer.show(picture, captions.get(picture.box.number, (0, None))[1])
    return tuple(writer.elements)


def _captions(page: Page, pictures: Sequence[Picture]) -> dict[int, tuple[int, Block]]:
    """By the number of a picture's box: its caption, which stands in the same figure, or in a small box named so."""
    found: dict[int, tuple[int, Block]] = {}
    taken: set[int] = set()
    for picture in pictures:
        figure = picture.box.around("figure") or _small_box(picture.box)
        if figure is None:
            continue
        for n in range(figure.first, figure.last):
            block = page.blocks[n]
            if n not in taken and is_caption(block) and len(block.text) <= _LONGEST_CAPTION:
                found[picture.box.number] = (n, block)
                taken.add(n)
                break
    return found


def _small_box(box: Box) -> Box | None:
    """The nearest box around a picture that holds any text, when it holds little else."""
    around = box.parent
    while around is not None and around.last == around.first:
        around = around.parent
    return around if around is not None and around.last - around.first <= 3 else None


def _groups(page: Page, chosen: Sequence[bool], gaps: Set[int]) -> list[list[int]]:
    """The numbers of the kept blocks; the rows of a table and the lines of a listing together, where no picture parts them."""
    groups: list[list[int]] = []
    last: Box | None = None
    for n, block in enumerate(page.blocks):
        if not chosen[n]:
            continue
        whole = _whole(page, block)
        if whole is not None and whole is last and gaps.isdisjoint(range(groups[-1][-1] + 1, n + 1)):
            groups[-1].append(n)
        else:
            groups.append([n])
        last = whole
    return groups


def _whole(page: Page, block: Block) -> Box | None:
    """The listing or table that the block is part of."""
    box = block.box.around("pre", "table")
    if box is None or box.tag == "pre":
        return box
    cells = page.blocks[box.first : box.last]
    is_table = len(cells) > 1 and sum(len(cell.text) for cell in cells) <= _LONGEST_CELL * len(cells)
    return box if is_table else None


def _write(writer: _Writer, blocks: Sequence[Block]) -> None:
    first = blocks[0]
    if len(blocks) == 1:
        writer.say(first.text, _role(first), first.box)
        return
    whole = first.box.around("pre", "table")
    assert whole is not None
    text, row = first.text, first.box.around("tr")
    for block in blocks[1:]:
        same_row = row is not None and block.box.around("tr") is row
        text += (" | " if same_row else "\n") + (block.text.replace("\n", " ") if whole.tag == "table" else block.text)
        row = block.box.around("tr")
    writer.say(text, _ROLES[whole.tag], whole)


def _role(block: Block) -> str:
    if block.box.tag == "tr":
        return "table" if " | " in block.text else "paragraph"
    around = block.box.around(*_ROLES)
    if around is None or around.tag == "table":
        return "paragraph"
    return _ROLES[around.tag]
