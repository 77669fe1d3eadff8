"""The elements by which a page shows pictures, and the address of the picture of each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from interloom.stages.extract_html.class_names import BIT
from interloom.stages.extract_html.image_names import LAZY_BACKGROUNDS, LAZY_SOURCES, is_image_url, is_placeholder
from interloom.stages.extract_html.image_source import Attributes, image_source, largest_candidate, shows_nothing
from interloom.stages.extract_html.page import Node

_PICTURE_TAGS = frozenset(("img", "amp-img", "amp-anim", "image", "mglyph"))
_PLUG_IN_TAGS = frozenset(("object", "embed", "iframe", "amp-iframe"))
_CLIP_TAGS = frozenset(("video", "amp-video"))
_REPLACED_TAGS = _PLUG_IN_TAGS | _CLIP_TAGS | {"input", "feImage"}
_MAY_SHOW = _PICTURE_TAGS | {"feImage", "template", "input", "object", "video", "amp-video", "picture"}
_MAY_NAME = frozenset(("background", "style", *LAZY_SOURCES, *LAZY_BACKGROUNDS))
_STYLE_URL = re.compile(r"url\(\s*(?:\"([^\"]*)\"|'([^']*)'|([^\"')\s]+))", re.IGNORECASE)
_BACKGROUND = re.compile(r"background(?:-image)?\s*:[^;]*?(?=url\()", re.IGNORECASE)
_LAZY_RANKS = {name: rank for rank, name in enumerate((*LAZY_BACKGROUNDS, *LAZY_SOURCES))}
_POSTERS = ("poster", "data-poster")


def is_picture(node: Node, holds_media: bool = False) -> bool:
    """Whether an element shows a picture that readers may see as content; `holds_media` says that others stand inside of it."""
    if node.tag in _PICTURE_TAGS:
        return True
    if node.tag in _PLUG_IN_TAGS or node.tag in _CLIP_TAGS:
        return bool(picture_address(node.tag, node.attributes))
    if holds_media and not style_address(node.attributes):
        return False
    caption_blocks = node.tag == "figure" and not holds_media
    if node.tag in ("svg", "body", "html", "source") or node.block_end > node.block_start + caption_blocks:
        return False
    is_named = bool(node.own_hints & (BIT["image"] | BIT["gallery"])) or node.attributes.get("role") == "img"
    return is_named or "aria-label" in node.attributes or "-" in node.tag or node.closest("figure") is not None


def picture_address(tag: str, attributes: Attributes, sources: Sequence[Attributes] = ()) -> str:
    """The address of the picture that an element shows, as written; "" without one.

    Parameters:
        tag: The tag of the element.
        attributes: Its attributes.
        sources: The attributes of the `source` elements of the `picture` that it stands in.
    """
    if tag in _PICTURE_TAGS or tag == "feImage":
        url = image_source(attributes, sources) or attributes.get("href") or attributes.get("xlink:href") or ""
        return "" if shows_nothing(url) else url
    if tag == "input":
        return attributes.get("src") or ""
    if tag in _PLUG_IN_TAGS:
        return _plug_in_address(attributes)
    if tag in _CLIP_TAGS:
        return poster(attributes)
    return style_address(attributes) or _lazy_address(attributes)


def poster(attributes: Attributes) -> str:
    """The picture that a clip shows until it plays."""
    return next((url for name in _POSTERS if (url := (attributes.get(name) or "").strip()) and not is_placeholder(url)), "")


def pictures_inside(root: Any, read: Set[int] = frozenset()) -> Iterator[tuple[Any, str]]:
    """The elements below a node of the parser, and the node itself, that show a picture, and its address.

    `read` are the `mem_id` of elements that do not count.
    """
    for node in root.traverse():
        tag = node.tag or ""
        if tag == "script":
            continue
        attributes = node.attributes
        if tag not in _MAY_SHOW and _MAY_NAME.isdisjoint(attributes):
            continue
        if not _may_show_picture(tag, attributes, node) or node.mem_id in read:
            continue
        if tag == "template":
            yield from ((node, url) for url in _pictures_in_text(node.html or ""))
        elif tag == "picture":
            yield from ((node, url) for url in _picture_of_sources(node, read))
        else:
            yield from _picture_of(tag, attributes, node)


def _may_show_picture(tag: str, attributes: Attributes, node: Any) -> bool:
    """Whether an element may show a picture: by its tag and the attribute that it needs, or by one that names a picture."""
    if tag in _PICTURE_TAGS or tag in ("feImage", "template"):
        return True
    if any(name in _MAY_NAME and (name != "style" or "url(" in (value or "").lower()) for name, value in attributes.items()):
        return True
    if tag == "input":
        return (attributes.get("type") or "").lower() == "image"
    if tag == "picture":
        return node.css_first("img") is None
    return "poster" in attributes if tag in _CLIP_TAGS else tag == "object" and "data" in attributes


def _picture_of(tag: str, attributes: Attributes, node: Any) -> Iterator[tuple[Any, str]]:
    """The element with the address of its picture, if it shows one."""
    url = picture_address(tag, attributes, _sources_beside(node) if tag == "img" else ())
    if url and _replaces_content(tag, attributes, node):
        yield node, url
    elif tag in _PICTURE_TAGS or tag == "input":
        yield node, attributes.get("src") or ""


def _picture_of_sources(picture: Any, read: Set[int]) -> Iterator[str]:
    """The address of the picture of a `picture` without an `img`, unless its first `source` is one of those `read`."""
    sources = picture.css("source")
    if sources and sources[0].mem_id not in read:
        yield image_source({}, [source.attributes for source in sources])


def _replaces_content(tag: str, attributes: Attributes, node: Any) -> bool:
    """Whether the picture of an element is shown, and not pictures that stand in it."""
    if tag in _PICTURE_TAGS or tag in _REPLACED_TAGS or style_address(attributes):
        return True
    return node.child is None or node.css_first("img") is None


def _sources_beside(img: Any) -> Sequence[Attributes]:
    """The attributes of the `source` elements of the `picture` that an `img` is a child of."""
    holder = img.parent
    return [source.attributes for source in holder.css("source")] if holder is not None and holder.tag == "picture" else ()


def _pictures_in_text(markup: str) -> Iterator[str]:
    """The addresses of the pictures of a `template`, whose content is no part of the parser's tree."""
    inside = markup.partition(">")[2]
    body = LexborHTMLParser(inside).body if "<img" in inside or "url(" in inside else None
    return (url for _, url in pictures_inside(body)) if body is not None else iter(())


def _plug_in_address(attributes: Attributes) -> str:
    """The picture that a plug-in or a frame shows: by its type, else by its address."""
    url = next((value.strip() for name in ("data", "src", "data-src") if (value := attributes.get(name))), "")
    kind = (attributes.get("type") or "").strip().lower()
    return url if kind.startswith("image/") or (not kind and is_image_url(url) and _has_picture_ending(url)) else ""


def _has_picture_ending(url: str) -> bool:
    return url.startswith("data:image/") or re.search(r"\.(?:jpe?g|png|gif|webp|avif|svg|bmp)$", _path(url), re.I) is not None


def _path(url: str) -> str:
    return url.partition("#")[0].partition("?")[0]


def style_address(attributes: Attributes) -> str:
    """The picture of the background that the `style` of an element names, else another picture that it names."""
    style = attributes.get("style") or ""
    if "url(" not in style.lower():
        return ""
    background = _BACKGROUND.search(style)
    url = _STYLE_URL.search(style, background.end() if background else 0)
    address = next((part.strip() for part in url.groups() if part), "") if url else ""
    return "" if address.startswith("#") or shows_nothing(address) else address


def _lazy_address(attributes: Attributes) -> str:
    """The picture of an element whose attributes a script, or a custom element, makes into one."""
    names = [name for name in attributes if name in _LAZY_RANKS]
    for name in sorted(names, key=_LAZY_RANKS.__getitem__):
        value = (attributes.get(name) or "").strip()
        if name == "data-bgset" and value:
            value = largest_candidate(value)
        if value.startswith("url("):
            value = value[4:].strip("\"') ")
        if value and is_image_url(value) and not is_placeholder(value):
            return value
    return attributes.get("background") or ""
