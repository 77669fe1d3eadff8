"""Blocks that are no text: links to a place of the page, buttons, controls of headings, ratings, numbers of lines."""

from __future__ import annotations

import re
from collections.abc import Sequence

from interloom.stages.extract_html.controls import is_control_text
from interloom.stages.extract_html.page import Block, Node, Page

_LINK_SHARE = 0.95
"""A block with so large a share of link text is a link. Our choice."""
_NEAR_NODES = 20
"""So many nodes of a block are looked at for its links. Our choice; bounds time on nested elements."""
_MAX_BUTTON_CHARS = 80
"""A button with more text is read: it is a card of the content. Our choice."""
_MIN_GUTTER_LINES = 2
"""Fewer numbers one after the other are a listing. Our choice."""
_MAX_RATING_CHARS = 80
_MAX_RATING_BLOCKS = 4
"""A longer text, and an element with more of them, is no rating. Our choice."""
_OF = r"(?:/|out of|of|von|sur|de|su|van|av|из)"
_VOTES = (
    r"(?:\w+ )?(?:reviews?|ratings?|votes?|Bewertung(?:en)?|avis|opini\w+|recension\w+|valoraci\w+|avalia\w+|отзыв\w*|оцен\w+)"
)
_RATING = re.compile(
    rf"[★☆⭐✩✭\s]+(?:\(?\d[\d.,]*\)?)?|(?:[^\W\d]+:?\s+){{0,2}}\d+(?:[.,]\d+)?%?\s*{_OF}\s*(?:5|10|100)(?:[.,]0)?(?:\W[^.!?]*)?"
    rf"|\(?\d[\d.,]*\)?(?:\s+(?:from|based on)\s+\d[\d.,]*)?\s+{_VOTES}\)?",
    re.IGNORECASE,
)
_RATING_NAME = re.compile(r"rating|(?:^|[\s_-])stars?(?:$|[\s_-])|review|vote|bewertung", re.IGNORECASE)
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6", "summary")
_OPENS_CONTENT = ("aria-expanded", "aria-controls", "data-toggle", "data-bs-toggle", "data-target", "data-bs-target")


def without_navigation(page: Page, is_content: Sequence[bool]) -> list[bool]:
    """`is_content` without buttons, controls of headings, ratings, numbers of lines, and links to places of the page.

    Headings and paragraphs are neither.
    """
    return [
        keep and not _is_navigation(page, n, block) for n, (block, keep) in enumerate(zip(page.blocks, is_content, strict=True))
    ]


def _is_navigation(page: Page, n: int, block: Block) -> bool:
    is_software = _is_button(block) or _is_gutter(page, n, block) or _is_rating(block)
    return is_software or _is_link_to_place(page, n, block) or _is_beside_heading(page, n, block)


def _is_link_to_place(page: Page, n: int, block: Block) -> bool:
    if block.node.tag == "p" or block.link_chars < _LINK_SHARE * len(block.text) or block.node.closest(*_HEADINGS) is not None:
        return False
    node = block.node
    near = page.nodes[node.number : min(node.end, node.number + _NEAR_NODES)]
    links = [link for link in near if link.tag == "a" and link.block_start == n]
    if not links and (link := block.inner_node.closest("a")) is not None:
        links = [link]
    return bool(links) and all(_leads_to_place(link) for link in links)


def _is_beside_heading(page: Page, n: int, block: Block) -> bool:
    """Whether a block is a control, as a link to edit, of the heading before it that has the same parent."""
    if not block.link_chars or not n or not is_control_text(block.text):
        return False
    heading = page.blocks[n - 1].node.closest(*_HEADINGS)
    parent = heading.parent if heading is not None else None
    return parent is not None and parent.block_start == n - 1 and parent.block_end <= n + 1 and n < parent.block_end


def _leads_to_place(link: Node) -> bool:
    """Whether a link leads to another place of the page, and not to the term that it is: `<dt id="a"><a href="#a">a</a></dt>`."""
    address = (link.attributes.get("href") or "").strip()
    if len(address) <= 1 or not address.startswith("#"):
        return False
    term = link.closest("dt")
    return term is None or address[1:] not in (term.attributes.get("id"), link.attributes.get("id"))


def _is_gutter(page: Page, n: int, block: Block) -> bool:
    """Whether a block has the numbers of the lines of the listing that follows it: `"1\\n2\\n3"`."""
    if block.node.closest("pre") is None:
        return False
    lines = block.text.split()
    if len(lines) < _MIN_GUTTER_LINES or not lines[0].isdigit():
        return False
    if lines != [str(number) for number in range(int(lines[0]), int(lines[0]) + len(lines))]:
        return False
    after = page.blocks[n + 1] if n + 1 < len(page.blocks) else None
    return after is not None and after.node.closest("pre") is not None and abs(after.text.count("\n") + 1 - len(lines)) <= 1


def _is_rating(block: Block) -> bool:
    """Whether a block is the mean of ratings, or their number, by its text and the names around it: `"4.5 of 5 (12)"`."""
    if len(block.text) > _MAX_RATING_CHARS or _RATING.fullmatch(block.text) is None:
        return False
    node, level = block.inner_node, 0
    while node.parent is not None and level < _NEAR_NODES and not _RATING_NAME.search(_names(node)):
        node, level = node.parent, level + 1
        if node.block_end - node.block_start > _MAX_RATING_BLOCKS:
            return False
    return _RATING_NAME.search(_names(node)) is not None


def _names(node: Node) -> str:
    return " ".join(node.attributes.get(name) or "" for name in ("class", "id", "itemprop"))


def _is_button(block: Block) -> bool:
    """Whether a block is a button that does not open a part of the content, as those of accordions do."""
    button = block.inner_node.closest("button")
    if button is None and is_control_text(block.text):
        button = next((node for node in (block.inner_node, block.node) if node.attributes.get("role") == "button"), None)
    if button is None or len(block.text) > _MAX_BUTTON_CHARS or button.closest(*_HEADINGS) is not None:
        return False
    return not any(name in button.attributes for name in _OPENS_CONTENT)
