"""Pictures of figures that hold no picture element: named by microdata, by JSON-LD, or by the state that scripts start from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from interloom.stages.extract_html.image_names import is_image_url, is_placeholder, names_picture_file
from interloom.stages.extract_html.image_source import other_urls
from interloom.stages.extract_html.json_ld import json_ld_value
from interloom.stages.extract_html.page import Node, Page

_PROPERTIES = frozenset(("contenturl", "url", "image", "thumbnailurl"))
_VALUE_ATTRIBUTES = ("content", "href", "src", "itemid", "data-src")
_NAMED = "meta[itemprop], link[itemprop]"
_STATE = re.compile(r"(?:=|JSON\.parse\()\s*(?=[\[\"]|\{\s*[\"}])")
"""What may be JSON: other objects of a script, as `{a: 1}`, and strings in single quotes are none."""
_PICTURE_FILE = re.compile(r"\.(?:jpe?g|png|webp|gif|avif)(?:$|[?#/])", re.IGNORECASE)
_NAMES_PICTURE = re.compile(r"\.(?:jpe?g|png|webp|gif|avif)\b", re.IGNORECASE)
_CAPTION_KEYS = frozenset(("caption", "alttext", "alt", "title", "name", "description", "text"))
_TYPE_KEYS = ("@type", "__typename", "type")
_MAX_SCRIPT_CHARS = 4 << 20
"""Longer scripts are not read. Our choice."""
_MAX_VALUES = 200_000
"""Values of all scripts that are looked at. Our choice."""
_MAX_FIGURE_BLOCKS = 4
"""A `figure` with more blocks of text is no picture. Our choice."""


@dataclass(frozen=True, slots=True)
class _Named:
    """A picture that data name: its address, and the text that comes with it."""

    url: str
    caption: str


def empty_figures(page: Page, with_picture: Sequence[int]) -> list[Node]:
    """The figures, and elements that are an ImageObject with a caption, that hold no picture and no clip.

    `with_picture` are the numbers of the nodes that show one.
    """
    return [
        figure
        for figure in page.figures
        if not any(figure.number <= n < figure.end for n in with_picture)
        and figure.block_end - figure.block_start <= _MAX_FIGURE_BLOCKS
        and (figure.tag == "figure" or _is_image_object(figure))
        and all(
            node.tag not in ("table", "pre", "blockquote", "video", "audio", "iframe", "figure") for node in _inside(page, figure)
        )
    ]


def _is_image_object(node: Node) -> bool:
    kind = node.attributes.get("itemtype") or ""
    return kind.endswith("/ImageObject") and (node.block_end > node.block_start or "itemid" in node.attributes)


def _inside(page: Page, figure: Node) -> list[Node]:
    return page.nodes[figure.number + 1 : figure.end]


def named_pictures(parser: LexborHTMLParser, page: Page, figures: Sequence[Node], shown: Sequence[str]) -> dict[int, str]:
    """The address of the picture of each of the figures, by the number of its node, as far as the page names it.

    What the attributes in the figure name comes first, then data with the caption of the figure, then the pictures of JSON-LD and
    of the state, in order, without those that are `shown` elsewhere on the page.
    """
    urls = _named_by_attributes(page, figures)
    others = [figure for figure in figures if figure.number not in urls]
    if not others:
        return urls
    named = [picture for picture in _in_scripts(parser) if not is_placeholder(picture.url)]
    taken = {_file(url) for url in (*shown, *urls.values())}
    for figure in others:
        words = {_plain(block.text) for block in page.blocks[figure.block_start : figure.block_end]}
        url = next((picture.url for picture in named if picture.caption and _plain(picture.caption) in words), "")
        if url and _file(url) not in taken:
            urls[figure.number] = url
            taken.add(_file(url))
    free = (picture.url for picture in named)
    for figure in others:
        if figure.number not in urls and figure.tag == "figure":
            url = next((url for url in free if _file(url) not in taken), "")
            if url:
                urls[figure.number] = url
                taken.add(_file(url))
    return urls


def _named_by_attributes(page: Page, figures: Sequence[Node]) -> dict[int, str]:
    """The pictures that attributes name; what two figures name, of which one stands in the other, belongs to the outer one."""
    urls, ends = dict[int, str](), dict[str, int]()
    for figure in figures:
        url = _by_attributes(page, figure)
        if url and figure.number >= ends.get(url, 0):
            urls[figure.number], ends[url] = url, figure.end
    return urls


def _by_attributes(page: Page, figure: Node) -> str:
    """The picture that the figure, or an element in it, names: by microdata, by a link without text, by any other attribute."""
    values = [figure.attributes.get("itemid") or "", figure.attributes.get("resource") or ""]
    values += [value for number, value in page.item_urls if figure.number <= number < figure.end]
    for node in _inside(page, figure):
        if _property(node.attributes) in _PROPERTIES or "itemid" in node.attributes:
            values += [node.attributes.get(name) or "" for name in _VALUE_ATTRIBUTES]
    named = next((value.strip() for value in values if is_image_url(value.strip()) and not value.startswith("urn:")), "")
    if named:
        return named
    bare = [node for node in _inside(page, figure) if node.block_end == node.block_start]
    links = (node.attributes.get("href") or "" for node in bare if node.tag == "a")
    files = chain(links, *(other_urls(node.attributes) for node in (figure, *bare)))
    return next((url for url in files if names_picture_file(url) and not is_placeholder(url)), "")


def _property(attributes: Any) -> str:
    """The name of a property of microdata or RDFa: `"schema:contentUrl"` -> `"contenturl"`."""
    return (attributes.get("itemprop") or attributes.get("property") or "").lower().rpartition(":")[2]


def item_url(attributes: Any) -> str:
    """The address that a `meta` or `link` of microdata names as a picture; "" for others."""
    if _property(attributes) not in _PROPERTIES:
        return ""
    return attributes.get("content") or attributes.get("href") or ""


def _in_scripts(parser: LexborHTMLParser) -> Iterator[_Named]:
    """The pictures of JSON-LD, then those of other data, in order."""
    scripts = [(script.attributes.get("type") or "", script.text() or "") for script in parser.css("script:not([src])")]
    linked = [text for kind, text in scripts if kind == "application/ld+json"]
    states = [text for kind, text in scripts if kind != "application/ld+json" and _NAMES_PICTURE.search(text)]
    for text in linked:
        with suppress(ValueError, RecursionError):
            yield from _of_json_ld(json_ld_value(text) if len(text) <= _MAX_SCRIPT_CHARS else None)
    for text in states:
        for value in _values(text):
            yield from _of_state(value)


def _values(text: str) -> Iterator[Any]:
    """The JSON values of a script: the whole, or what is assigned in it, also as a string of JSON."""
    if len(text) > _MAX_SCRIPT_CHARS:
        return
    stripped = text.strip()
    starts = [0] if stripped[:1] in ("{", "[") else [match.end() for match in _STATE.finditer(stripped)]
    end = 0
    for start in starts:
        if start < end:
            continue
        try:
            value, end = json.JSONDecoder().raw_decode(stripped, start)
            yield _resolved(json.loads(value) if isinstance(value, str) else value)
        except (ValueError, RecursionError):
            continue


def _resolved(value: Any) -> Any:
    """A list in which objects name their values by their numbers in the list, as Nuxt writes its state, with these values."""
    if not isinstance(value, list) or not any(isinstance(item, dict) for item in value):
        return value
    last = len(value) - 1
    return [
        {key: value[n] for key, n in item.items() if not isinstance(value[n], (dict, list))}
        if isinstance(item, dict) and item and all(type(n) is int and 0 <= n <= last for n in item.values())
        else item
        for item in value
    ]


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """All objects in a value, in order, at most 200,000 values."""
    pending, seen = [value], 0
    while pending and seen < _MAX_VALUES:
        current = pending.pop()
        inner = list(current.values()) if isinstance(current, dict) else current if isinstance(current, list) else []
        if isinstance(current, dict):
            yield current
        pending += [value for value in reversed(inner) if isinstance(value, (dict, list))]
        seen += 1 + len(inner)


def _of_json_ld(value: Any) -> Iterator[_Named]:
    by_id = {item["@id"]: item for item in _objects(value) if isinstance(item.get("@id"), str) and len(item) > 1}
    for item in _objects(value):
        images = item.get("image")
        for image in images if isinstance(images, list) else [images]:
            if isinstance(image, str):
                yield _Named(image, "")
            elif isinstance(image, dict):
                image = by_id.get(image.get("@id"), image) if len(image) == 1 else image
                url = image.get("contentUrl") or image.get("url") or image.get("@id")
                yield _Named(url if isinstance(url, str) else "", _caption(image))


def _of_state(value: Any) -> Iterator[_Named]:
    for item in _objects(value):
        kinds = [item.get(key) for key in _TYPE_KEYS]
        is_image = any(isinstance(kind, str) and ("image" in kind.lower() or "photo" in kind.lower()) for kind in kinds)
        caption = _caption(item)
        if is_image or caption:
            url = next((text for inner in _objects(item) for text in inner.values() if _is_picture(text)), "")
            if url:
                yield _Named(url, caption)


def _is_picture(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(("http", "/")) and _PICTURE_FILE.search(value) is not None


def _caption(item: dict[str, Any]) -> str:
    for key, value in item.items():
        if isinstance(value, str):
            if value and key.lower() in _CAPTION_KEYS:
                return value
        elif isinstance(value, dict) and key.lower() == "caption":
            return next((text for text in value.values() if isinstance(text, str) and " " in text), "")
    return ""


def _plain(text: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", "", text).split()).lower()


def _file(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2].lower()
