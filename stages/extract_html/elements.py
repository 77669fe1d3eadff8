"""Turns the chosen blocks and images of a page into the elements of a document."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence, Set
from dataclasses import dataclass, field

from interloom.schemas.document import Clip, Element, Image, Text
from interloom.stages.extract_html.dom_paths import DomPaths
from interloom.stages.extract_html.image_selection import is_caption
from interloom.stages.extract_html.page import Block, Node, Page
from interloom.stages.extract_html.picture_identity import PageImage

_ROLES = {
    **dict.fromkeys(("h1", "h2", "h3", "h4", "h5", "h6"), "heading"),
    **dict.fromkeys(("li", "dd", "dt"), "list_item"),
    **dict.fromkeys(("table", "caption"), "table"),
    "pre": "code",
    "math": "formula",
    "blockquote": "quote",
    "figcaption": "caption",
}
_MAX_MEAN_CELL_CHARS = 120
"""A table with longer blocks on average serves the layout: its blocks are texts of their own. Our choice."""
_MAX_CELL_BLOCKS = 4
"""A table with a cell of more blocks serves the layout, too. Our choice."""
_MAX_CAPTION_CHARS = 1000
"""A longer block is not a caption. Our choice."""
_MAX_CAPTION_BLOCKS = 3
"""Outside of a `figure`, a caption is sought in the nearest ancestor with text, if it has at most as many blocks. Our choice."""
_TEXT_SEPARATOR_CHARS = 2
"""Characters between two body texts in `Document.text`."""


@dataclass(slots=True)
class _ElementWriter:
    """Appends elements; `offset` is where the next body text begins in `Document.text`, in characters."""

    paths: DomPaths
    elements: list[Element] = field(default_factory=list)
    offset: int = 0

    def add_text(self, text: str, role: str, node: Node) -> None:
        path = self.paths.path(node)
        self.elements.append(Text(position=len(self.elements), text=text, role=role, path=path, offset=self.offset))
        self.offset += len(text) + _TEXT_SEPARATOR_CHARS

    def add_image(self, image: PageImage, caption: Block | None) -> None:
        media_type = Clip if image.is_clip else Image
        position, path = len(self.elements), self.paths.path(image.node)
        offset = max(self.offset - _TEXT_SEPARATOR_CHARS, 0)
        self.elements.append(media_type(position=position, url=image.url, alt=image.alt, path=path, offset=offset))
        if caption is not None:
            path = self.paths.path(caption.node)
            self.elements.append(
                Text(position=position + 1, origin="caption", role="caption", of=position, text=caption.text, path=path)
            )


def document_elements(page: Page, is_content: Sequence[bool], images: Sequence[PageImage]) -> tuple[Element, ...]:
    """The elements in reading order, with roles, DOM paths and offsets; a caption follows its image."""
    captions = _captions(page, images)
    caption_numbers = set(captions.values())
    caption_of = {image: page.blocks[n] for image, n in captions.items()}
    writer, waiting = _ElementWriter(DomPaths(page.nodes)), deque(images)
    body = [keep and n not in caption_numbers for n, keep in enumerate(is_content)]
    headings = {
        post.block_start: (post, heading) for post, heading in page.posts if heading and post.block_end > post.block_start
    }
    for numbers in _groups(page, body, {image.block for image in images} | headings.keys()):
        if headings:
            _write_headings(writer, headings, numbers[0])
        while waiting and waiting[0].block <= numbers[0]:
            image = waiting.popleft()
            writer.add_image(image, caption_of.get(image.node.number))
        _write_group(writer, [page.blocks[n] for n in numbers], _post_of(page, numbers[0]))
    for image in waiting:
        writer.add_image(image, caption_of.get(image.node.number))
    return tuple(writer.elements)


def _write_headings(writer: _ElementWriter, headings: dict[int, tuple[Node, str]], block: int) -> None:
    """Writes the heading of the post that begins at the block or before it, once."""
    for start in [start for start in headings if start <= block]:
        post, heading = headings.pop(start)
        if post.block_end > block:
            writer.add_text(heading, "heading", post)


def _captions(page: Page, images: Sequence[PageImage]) -> dict[int, int]:
    """By the node number of an image: the number of the block that is its caption.

    It is the next one in the same `figure` or small ancestor, or in the `figcaption` that follows the `figure`.
    """
    captions: dict[int, int] = {}
    taken: set[int] = set()
    waiting: dict[int, deque[int]] = {}
    for image in images:
        figure = image.node.closest("figure") or _small_ancestor(image.node)
        if figure is None:
            continue
        if figure.number not in waiting:
            waiting[figure.number] = deque(_caption_blocks(page, figure))
        numbers = waiting[figure.number]
        while numbers and numbers[0] in taken:
            numbers.popleft()
        if numbers:
            captions[image.node.number] = numbers[0]
            taken.add(numbers.popleft())
    return captions


def _caption_blocks(page: Page, figure: Node) -> list[int]:
    """The numbers of the blocks of a figure that are captions; without any, those of the `figcaption` that follows it."""
    numbers = [n for n in range(figure.block_start, figure.block_end) if _may_be_caption(page.blocks[n])]
    after = page.nodes[figure.end] if figure.tag == "figure" and figure.end < len(page.nodes) else None
    if numbers or after is None or after.tag != "figcaption":
        return numbers
    return [n for n in range(after.block_start, after.block_end) if _may_be_caption(page.blocks[n])]


def _may_be_caption(block: Block) -> bool:
    return is_caption(block) and len(block.text) <= _MAX_CAPTION_CHARS


def _small_ancestor(node: Node) -> Node | None:
    """The nearest ancestor that has text, if it has at most three blocks."""
    ancestor = node.parent
    while ancestor is not None and ancestor.block_end == ancestor.block_start:
        ancestor = ancestor.parent
    is_small = ancestor is not None and ancestor.block_end - ancestor.block_start <= _MAX_CAPTION_BLOCKS
    return ancestor if is_small else None


def _groups(page: Page, is_body: Sequence[bool], image_blocks: Set[int]) -> list[list[int]]:
    """The numbers of the body blocks: one list for each element that is written.

    The rows of a table, and the blocks of a `pre`, are one list unless an image stands between them: rows 3, 4 and 5 with an
    image in front of row 5 -> `[[3, 4], [5]]`.
    """
    groups: list[list[int]] = []
    data_tables: dict[int, bool] = {}
    previous: Node | None = None
    for n, block in enumerate(page.blocks):
        if not is_body[n]:
            continue
        whole = _table_or_listing(page, block, data_tables)
        if whole is not None and whole is previous and image_blocks.isdisjoint(range(groups[-1][-1] + 1, n + 1)):
            groups[-1].append(n)
        else:
            groups.append([n])
        previous = whole
    return groups


def _table_or_listing(page: Page, block: Block, data_tables: dict[int, bool]) -> Node | None:
    """The `pre` or `table` that the block is a part of; None in a table that serves the layout.

    `data_tables` remembers by the numbers of the tables which of them hold data.
    """
    node = block.node.closest("pre", "table")
    if node is None or node.tag == "pre":
        return node
    is_data = data_tables.get(node.number)
    if is_data is None:
        is_data = data_tables[node.number] = _holds_data(page, node)
    return node if is_data else None


def _holds_data(page: Page, table: Node) -> bool:
    if any(table.number < post.number < table.end for post, _ in page.posts):
        return False
    cells = page.blocks[table.block_start : table.block_end]
    if len(cells) < 2 or sum(len(cell.text) for cell in cells) > _MAX_MEAN_CELL_CHARS * len(cells):
        return False
    return max(Counter(cell.node.closest("td", "th", "caption", "tr", "table") for cell in cells).values()) <= _MAX_CELL_BLOCKS


def _post_of(page: Page, n: int) -> Node | None:
    """The post of a thread that block number n is in."""
    return next((post for post, _ in page.posts if post.block_start <= n < post.block_end), None) if page.posts else None


def _write_group(writer: _ElementWriter, blocks: Sequence[Block], post: Node | None) -> None:
    """Writes one text: a block, or all blocks of a table or listing, with ` | ` between cells and a line feed between rows.

    What stands around a post says nothing about the role of a text in it.
    """
    first = blocks[0]
    if len(blocks) == 1:
        writer.add_text(first.text, _role(first, post), first.node)
        return
    whole = first.node.closest("pre", "table")
    assert whole is not None
    text, row = first.text.replace("\n", " ") if whole.tag == "table" else first.text, first.node.closest("tr")
    for block in blocks[1:]:
        is_same_row = row is not None and block.node.closest("tr") is row
        text += (" | " if is_same_row else "\n") + (block.text.replace("\n", " ") if whole.tag == "table" else block.text)
        row = block.node.closest("tr")
    writer.add_text(text, _ROLES[whole.tag], whole)


def _role(block: Block, post: Node | None) -> str:
    if block.node.tag == "tr":
        return "table" if " | " in block.text else "paragraph"
    if block.node.attributes.get("role") == "heading":
        return "heading"
    node = block.node.closest(*_ROLES)
    if node is None or node.tag == "table" or (post is not None and node.number < post.number):
        return "paragraph"
    return _ROLES[node.tag]
