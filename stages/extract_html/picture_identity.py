"""When two pictures of a page are one: the same file, another size of it, or a preview of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from interloom.stages.extract_html.page import Node
from interloom.stages.extract_html.previews import is_full, is_preview, is_smaller, is_variant
from interloom.stages.extract_html.screens import are_for_some_screens

IMAGE_FILE = re.compile(r"\.(?:jpe?g|png|gif|webp|avif|bmp)$", re.IGNORECASE)
_SIZE_IN_NAME = re.compile(r"-\d{2,4}x\d{2,4}(?=\.\w+$)")
_CONTAINER_TAGS = ("p", "li", "div", "td", "th", "figure", "section", "article", "body")


@dataclass(frozen=True, slots=True, eq=False)
class PageImage:
    """An image, or a clip, that stands in front of block number `block` of the page; `url` is absolute."""

    block: int
    url: str
    alt: str
    node: Node
    is_clip: bool = False


def is_same_image(image: PageImage, earlier: PageImage) -> bool:
    """Whether two images of one identity are one: of different URLs (sizes), for different screens, or at the same place."""
    if image.url.partition("//")[2] != earlier.url.partition("//")[2] or is_for_other_screens(image.node, earlier.node):
        return True
    in_one_container = image.node.closest(*_CONTAINER_TAGS) is earlier.node.closest(*_CONTAINER_TAGS)
    return image.block == earlier.block and in_one_container


def is_for_other_screens(node: Node, earlier: Node) -> bool:
    """Whether one of two nodes stands in an element that only some screens show, by its class, and that does not hold the other.

    `<b class="d-md-none"><img></b><b class="d-none d-md-block"><img></b>` -> True.
    """
    holders = (*_holders(node, earlier), *_holders(earlier, node))
    return any(are_for_some_screens(holder.attributes.get("class") or "") for holder in holders)


def _holders(node: Node, other: Node) -> Iterator[Node]:
    """The elements around a node that do not hold the other one."""
    holder = node.parent
    while holder is not None and not holder.number <= other.number < holder.end:
        yield holder
        holder = holder.parent


def share_frame(image: PageImage, last: PageImage) -> bool:
    """Whether two pictures stand in one `figure`, or in one element without text, with no text between them."""
    holder: Node | None = image.node.parent
    while holder is not None and not holder.number < last.node.number < holder.end:
        holder = holder.parent
    if holder is None or image.block != last.block:
        return False
    return holder.block_start == holder.block_end or holder.closest("figure", "picture") is not None


def is_preview_of(image: PageImage, other: PageImage) -> bool:
    if not is_preview(image.node, image.url) or is_preview(other.node, other.url):
        return is_variant(image.url, other.url) and is_smaller(image.url, other.url)
    return is_variant(image.url, other.url) or image.url.startswith("data:") or is_full(other.node, other.url)


def host_and_path(url: str) -> str:
    """A URL without its scheme, query and fragment: `"http://a.org/b.jpg?c"` -> `"a.org/b.jpg"`."""
    return url.partition("#")[0].partition("?")[0].partition("//")[2] or url


def file_name(url: str) -> str:
    return host_and_path(url).rpartition("/")[2]


def identity(url: str) -> str:
    """A key that an image has in all its sizes: `"http://a.org/b-300x200.jpg?w=3"` -> `"a.org/b.jpg"`."""
    if url.startswith("data:"):
        return url
    path = unquote(host_and_path(url))
    return _SIZE_IN_NAME.sub("", path) if IMAGE_FILE.search(path) else url
