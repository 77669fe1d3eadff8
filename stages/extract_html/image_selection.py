"""Decides whether an image of a page belongs to its main content."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, takewhile

from interloom.stages.extract_html.class_names import BIT
from interloom.stages.extract_html.page import Block, Medium, Node, Page
from interloom.stages.extract_html.readability.article import Article

_BOILERPLATE_HINTS = sum(BIT[name] for name in ("nav", "footer", "overlay", "related", "share", "comment", "ad", "signup"))
_NO_LINKED_IMAGE_HINTS = _BOILERPLATE_HINTS | BIT["byline"] | BIT["sidebar"]
"""With such a hint near it, an image that links to another page is not main content."""
_LARGER_COPY = re.compile(
    r"\.(?:jpe?g|png|gif|webp|avif|svg|bmp|tiff?)(?:$|[?#/])|/wiki/[^/]*:|attachment|/photo|/image|/img|gallery|flickr|imgur",
    re.IGNORECASE,
)
_PIXELS = re.compile(r"\s*(\d{1,6}(?:\.\d+)?)\s*(?:px)?\s*$")
_NEIGHBOUR_CHARS = 300
"""So much text before an image, and after it, says whether it belongs to the main content. Our choice."""
_MIN_CONTAINER_CHARS = 120
"""The container of an image is its nearest ancestor with as much text. Our choice."""
_SHORT_PAGE_CHARS = 2000
"""On pages with less text images are chosen by the text around them, not by the article. Our choice."""
_MIN_SHARE = 0.5
"""Least share of main content in the text of the container, and in the text before or after an image. Our choice."""
_SURE_SHARE = 0.9
"""From this share on, hints of boilerplate below the container, and links, are ignored. Our choice."""
_MIN_AGREEMENT = 0.5
"""Least share of the chosen text that must be in the article for the article to decide. Our choice."""
_LEAD_CHARS = 400
"""An image after more main content is not a lead image. Our choice."""
_LEAD_WIDTH = 300
"""Pixels. Least width of a lead image that is not in a `figure` or `picture`. Our choice."""
_LEAD_TAGS = frozenset(("img", "amp-img"))
_NEAR_ANCESTORS = 3
_MAX_NEAR_BLOCKS = 3
"""An ancestor with more blocks is not near its image. Our choice."""


@dataclass(frozen=True, slots=True)
class _TextBefore:
    """Characters before each block, and at the end of the page; blocks that accompany an image or the title count none."""

    total: Sequence[int]
    content: Sequence[int]
    """The characters in main content alone."""

    def content_share(self, start: int, end: int) -> float:
        """The share of main content in the blocks `start` to `end` (exclusive); 0 if they have no text."""
        return (self.content[end] - self.content[start]) / max(self.total[end] - self.total[start], 1)


def image_selector(page: Page, article: Article, is_content: Sequence[bool], chars: Sequence[int]) -> Callable[[Medium], bool]:
    """A function that says whether a medium belongs to the main content; `chars` are the lengths of the blocks.

    In a thread that are the media in its posts.
    """
    belongs = _article_selector(page, article, is_content, chars)
    if not page.posts:
        return belongs
    in_posts = {n for post, _ in page.posts for n in range(post.number, post.end)}
    return lambda medium: medium.node.number in in_posts or (page.holds_article and belongs(medium))


def _article_selector(page: Page, article: Article, is_content: Sequence[bool], chars: Sequence[int]) -> Callable[[Medium], bool]:
    """As `image_selector`, for articles.

    The article decides if it holds most of the text in `is_content`, together with one lead image above it. Otherwise, and on
    short pages, the text around the medium decides.
    """
    in_article = article.contains
    content = sum(size for size, keep in zip(chars, is_content, strict=True) if keep)
    agreed = sum(
        size for block, size, keep in zip(page.blocks, chars, is_content, strict=True) if keep and in_article[block.node.number]
    )
    if sum(chars) <= _SHORT_PAGE_CHARS or not article.is_long_enough or agreed < _MIN_AGREEMENT * content:
        before = _text_before(page, is_content, chars)
        return lambda medium: _belongs_by_text(medium, block_after(medium, chars), before)
    lead = _lead_image(page, article, is_content, chars)
    return lambda medium: in_article[medium.node.number] or medium is lead


def _text_before(page: Page, is_content: Sequence[bool], chars: Sequence[int]) -> _TextBefore:
    sizes = [0 if _accompanies_image_or_title(block) else size for block, size in zip(page.blocks, chars, strict=True)]
    content = (size if keep else 0 for size, keep in zip(sizes, is_content, strict=True))
    return _TextBefore([0, *accumulate(sizes)], [0, *accumulate(content)])


def _lead_image(page: Page, article: Article, is_content: Sequence[bool], chars: Sequence[int]) -> Medium | None:
    """The lead image, which stands above the article, so that Readability misses it: the first that is framed or wide."""
    above = takewhile(lambda medium: not article.contains[medium.node.number], page.media)
    candidates = [m for m in above if m.node.tag in _LEAD_TAGS and not m.link and _is_framed_or_wide(m.node)]
    if not candidates:
        return None
    before = _text_before(page, is_content, chars)
    for medium in candidates:
        block = block_after(medium, chars)
        if before.content[block] > _LEAD_CHARS:
            return None
        if _belongs_by_text(medium, block, before):
            return medium
    return None


def _is_framed_or_wide(node: Node) -> bool:
    return node.closest("figure", "picture") is not None or (pixels(node.attributes.get("width")) or 0) >= _LEAD_WIDTH


def pixels(value: str | None) -> float | None:
    """The pixels that a `width` or `height` attribute states: `"300px"` -> 300.0, `"50%"` -> None."""
    number = _PIXELS.match(value) if value else None
    return float(number[1]) if number else None


def block_after(medium: Medium, chars: Sequence[int]) -> int:
    """The number of the block that the medium is put in front of; a medium in the second half of a block is put after it."""
    inside = medium.chars and medium.block < len(chars)
    return medium.block + 1 if inside and medium.chars * 2 >= chars[medium.block] else medium.block


def _belongs_by_text(medium: Medium, block: int, before: _TextBefore) -> bool:
    """Whether a medium in front of `block` is main content, as is the text of its container and the text next to it."""
    near = _near_hints(medium.node)
    if near & (BIT["hidden"] | BIT["byline"] | BIT["footer"]) and not medium.in_noscript:
        return False
    total, content = before.total, before.content
    container: Node | None = medium.node.parent
    while container is not None and total[container.block_end] - total[container.block_start] < _MIN_CONTAINER_CHARS:
        container = container.parent
    if container is None:
        return True  # a page of images
    share = before.content_share(container.block_start, container.block_end)
    if share < _SURE_SHARE and _hints_below_content(medium.node, content) & _BOILERPLATE_HINTS:
        return False
    may_link = share >= _SURE_SHARE and content[block] < content[-1] and not near & _NO_LINKED_IMAGE_HINTS
    if _links_elsewhere(medium.link) and not may_link:
        return False
    if share < _MIN_SHARE:
        return False
    return _neighbour_share(block, before) >= _MIN_SHARE


def _neighbour_share(block: int, before: _TextBefore) -> float:
    """The share of main content in the 300 characters before `block`, or in those from it on, whichever is larger."""
    total, first, last = before.total, block, block
    while first > 0 and total[block] - total[first] < _NEIGHBOUR_CHARS:
        first -= 1
    while last < len(total) - 1 and total[last] - total[block] < _NEIGHBOUR_CHARS:
        last += 1
    return max(before.content_share(first, block), before.content_share(block, last))


def is_caption(block: Block) -> bool:
    """Whether a block is in a `figcaption`, or a caption by its class or id."""
    return _hints_of_block(block) & BIT["caption"] != 0


def _accompanies_image_or_title(block: Block) -> bool:
    """Whether a block says nothing about the images next to it: captions, the title, bylines."""
    return block.node.tag == "h1" or is_caption(block) or _hints_of_block(block) & BIT["byline"] != 0


def _hints_of_block(block: Block) -> int:
    """The hints of a block's nodes and of the parent."""
    parent = block.node.parent
    return block.inner_node.own_hints | block.node.own_hints | (parent.own_hints if parent is not None else 0)


def _near_hints(node: Node) -> int:
    """The hints of an image and of up to three ancestors with three blocks at most."""
    bits, level, ancestor = node.own_hints, 0, node.parent
    while ancestor is not None and level < _NEAR_ANCESTORS and ancestor.block_end - ancestor.block_start <= _MAX_NEAR_BLOCKS:
        bits |= ancestor.own_hints
        ancestor, level = ancestor.parent, level + 1
    return bits


def _hints_below_content(node: Node, content: Sequence[int]) -> int:
    """The hints of an image and of its ancestors up to the first that holds more than half of the main content."""
    bits = 0
    ancestor: Node | None = node
    while ancestor is not None and 2 * (content[ancestor.block_end] - content[ancestor.block_start]) <= content[-1]:
        bits |= ancestor.own_hints
        ancestor = ancestor.parent
    return bits


def _links_elsewhere(link: str) -> bool:
    """Whether an image links to another page, not to a larger copy of itself."""
    return bool(link) and not link.startswith(("#", "javascript:")) and not _LARGER_COPY.search(link)
