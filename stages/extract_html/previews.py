"""Previews: small or blurred pictures that a page shows until the full picture beside them is loaded."""

from __future__ import annotations

import re
from functools import lru_cache

from interloom.stages.extract_html.image_selection import pixels
from interloom.stages.extract_html.page import Node

_PREVIEW_NAME = re.compile(
    r"(?:^|[\s_-])(?:thumb(?:nail)?|preview|placeholder|lqip|blur(?:red|ry)?(?:-?up)?|low-?res|low-?quality|tiny|small)"
    r"(?:$|[\s_-])",
    re.IGNORECASE,
)
_FULL_NAME = re.compile(
    r"(?:^|[\s_-])(?:full|main|original|large|hi-?res|lazy\w*|image|final|real)(?:$|[\s_-])",
    re.IGNORECASE,
)
_SIZE = re.compile(
    r"(?:[/?&,_=:-](?:w|h|width|height|max|size|resize|fit|sz|s)[=/_:-]?(\d{1,4})(?=$|[/?&,._x-])"
    r"|[/_-](\d{1,4})(?:x\d{0,4}|w|px)(?=$|[/?&,._-])|/(\d{1,4})(?=/))",
    re.IGNORECASE,
)
_VARIANT = re.compile(
    r"[-_.@](?:\d{1,4}x\d{0,4}|\d{1,4}(?:w|px)|\dx|thumb(?:nail)?|preview|small|tiny|lqip|blur|placeholder|low|full|large|orig(?:inal)?|medium)(?=$|[-_.])",
    re.IGNORECASE,
)
_PREVIEW_PIXELS = 100
"""A picture of this width by its address or attributes may be a preview. Our choice."""
_MAX_URLS = 256
"""Addresses that are remembered: a picture is compared with several others. Our choice; bounds memory."""
_LAZY = ("data-src", "data-original", "data-srcset", "data-lazy-src", "loading")


def is_preview(node: Node, url: str) -> bool:
    """Whether a picture may be a preview by its class, its size, or because its address holds the picture itself."""
    if url.startswith("data:"):
        return True
    sides = [pixels(node.attributes.get(name)) for name in ("width", "height")]
    if any(side is not None and side >= 2 * _PREVIEW_PIXELS for side in sides):
        return names_preview(node.attributes.get("class") or "") and _width(url) <= _PREVIEW_PIXELS
    is_small = any(side is not None and side <= _PREVIEW_PIXELS for side in sides) or 0 < _width(url) <= _PREVIEW_PIXELS
    return is_small or names_preview(node.attributes.get("class") or "") or names_preview(_file(url))


def is_full(node: Node, url: str) -> bool:
    """Whether a picture may be the full one beside a preview: it is loaded later, or its names say so."""
    names = node.attributes.get("class") or ""
    return any(name in node.attributes for name in _LAZY) or _FULL_NAME.search(names) is not None or _width(url) > _PREVIEW_PIXELS


def is_variant(url: str, other: str) -> bool:
    """Whether two files have one name but for what it says about sizes: `"/30/a-tiny.jpg"`, `"/800/a.jpg"` -> True."""
    return bool(_stem(url)) and _stem(url) == _stem(other)


def is_smaller(url: str, other: str) -> bool:
    """Whether the address of a picture says that it is smaller than another."""
    mine, others = _width(url), _width(other)
    has_small_size = 0 < mine < others or (not others and 0 < mine <= 2 * _PREVIEW_PIXELS)
    return has_small_size or (names_preview(_file(url)) and not names_preview(_file(other)))


def names_preview(names: str) -> bool:
    """Whether a class, or the name of a file, says that a picture is a preview."""
    return _PREVIEW_NAME.search(names) is not None


def _file(url: str) -> str:
    return url.partition("#")[0].partition("?")[0].rpartition("/")[2].rpartition(".")[0]


@lru_cache(maxsize=_MAX_URLS)
def _stem(url: str) -> str:
    stem = _file(url).lower()
    while (shorter := _VARIANT.sub("", stem)) != stem:
        stem = shorter
    return stem


@lru_cache(maxsize=_MAX_URLS)
def _width(url: str) -> int:
    """The size that an address states, 0 without any: `"/max/30/a.jpg"` -> 30, `"a.jpg?w=40"` -> 40."""
    if url.startswith("data:"):
        return 1
    sizes = [int("".join(size)) for size in _SIZE.findall(url.partition("//")[2] or url)]
    return max((size for size in sizes if size >= 8), default=0)
