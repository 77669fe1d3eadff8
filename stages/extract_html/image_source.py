"""Finds the URL of the image that an `img` shows: lazy-loading attributes, `srcset`, `picture`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from interloom.stages.extract_html.image_names import (
    is_image_url,
    is_page_url,
    is_placeholder,
    is_preview_url,
    may_be_photograph,
    names_picture_file,
)

# Attributes that scripts move into `src`; OBELICS (arXiv:2306.16527) lists most of them.
_LAZY_ATTRIBUTES = (
    "data-src",
    "data-original",
    "data-lazy-src",
    "data-lazyload",
    "data-pin-media",
    "data-large-file",
    "data-orig-file",
    "data-lazy",
    "data-src-fg",
    "data-scroll-image",
    "data-lateloadsrc",
    "data-img-src",
    "data-gt-lazy-src",
    "data-full-src",
    "data-hi-res-src",
    "data-original-src",
    "data-image",
    "data-url",
    "src2",
)
_LAZY_NAMES = frozenset(_LAZY_ATTRIBUTES)
_SRCSET_ATTRIBUTES = ("data-srcset", "data-lazy-srcset", "data-original-set", "data-lazyload-srcset", "srcset")
_SRCSET_CANDIDATE = re.compile(r"([^\s,][^\s]*[^\s,]|[^\s,])(?:\s+(\d+(?:\.\d+)?)([wx])\b[^,]*)?\s*(?:,|$)")
_NOT_IN_URL = re.compile(r"[\s{}<>]")
_MAX_SRCSET_CHARS = 64 << 10
"""What follows in a longer `srcset` is ignored. Our choice."""
_IMAGE_FILE = re.compile(r"[^\s{}<>,]+\.(?:jpe?g|png|webp|gif|avif)(?:\?[^\s{}<>]*)?$", re.IGNORECASE)
_LISTED_FILE = re.compile(
    r"[^\s\"'\[\](){}<>,]+\.(?:jpe?g|png|webp|gif|avif)(?:\?[^\s\"'\[\](){}<>,]*)?(?=[\s\"'\])},]|$)", re.IGNORECASE
)
_NO_SOURCE = re.compile(
    r"(?:alt|title|class|id|style|href|name|longdesc|usemap|cite|srcset|sizes|lowsrc|on\w+)$"
    r"|.*(?:error|fallback|placeholder|loading|loader|spinner|avatar|author|logo|icon)",
    re.IGNORECASE,
)
"""Attributes whose values are text, links, scripts, or other pictures than the one that the element shows."""
_WIDTH_IN_URL = re.compile(r"\{width\}|%7Bwidth%7D", re.IGNORECASE)
"""Stands for the width in the address of a picture that a script completes, as in themes of shops and on news sites."""
_USUAL_WIDTH = 720
"""Pixels. The width for such an address, if `data-widths` names none. Our choice."""
_EMPTY_DATA_CHARS = 200
"""A shorter `data:` URI shows nothing: it is too short for more than a few pixels. Our choice."""


Attributes = Mapping[str, str | None]


def image_source(img: Attributes, sources: Sequence[Attributes] = ()) -> str:
    """The best URL that the attributes of an `img` name, as written (relative or absolute); empty without any.

    A lazy-loading attribute that looks like a picture comes before `src` (beside a `src` with the ending of a picture, it must
    have one, too), a `src` that is not a placeholder before `srcset`
    (crawlers fetch `src`), and any lazy-loading attribute and the largest candidate of `srcset` before a placeholder and before
    a `data:` URI, which is a preview. `sources` are the attributes of the `source` elements of its `picture`:
    `{"src": "spacer.gif", "data-src": "a.jpg"}` -> `"a.jpg"`.
    """
    src = (img.get("src") or "").strip()
    shown, inline = ([], [src]) if src.startswith("data:") else ([src], [])
    names = () if _LAZY_NAMES.isdisjoint(img) else _LAZY_ATTRIBUTES
    if not names and shown and not is_placeholder(src):
        return (_lazy_srcset(img) if is_preview_url(src) else "") or src
    lazy = [url for name in names if (value := img.get(name)) and _is_url(url := _with_width(value.strip(), img))]
    looks_like_picture = names_picture_file if names_picture_file(src) and not is_placeholder(src) else is_image_url
    pictures = [url for url in lazy if looks_like_picture(url) or _differs_in_query(url, src)]
    others = [url for url in lazy if not is_page_url(url)]
    candidates = chain(pictures, shown, _srcset_urls(img, sources), other_urls(img), others, inline)
    photographs = (url for url in (*pictures, src) if may_be_photograph(url))
    return next((url for url in candidates if not is_placeholder(url)), next(photographs, src))


def _differs_in_query(url: str, src: str) -> bool:
    """Whether two URLs name one resource with other parameters: `"/img?id=7&w=900"`, `"/img?id=7&w=20"` -> True."""
    return "?" in url and "?" in src and url.partition("?")[0] == src.partition("?")[0]


def _with_width(url: str, img: Attributes) -> str:
    """The address with a width that the picture is offered in: `"/a_{width}x.jpg"` -> `"/a_720x.jpg"`."""
    if "width" not in url.lower():
        return url
    widths = [int(width) for width in re.findall(r"\d{2,4}", img.get("data-widths") or "")]
    return _WIDTH_IN_URL.sub(str(max(widths, default=_USUAL_WIDTH)), url)


def _lazy_srcset(img: Attributes) -> str:
    """The largest candidate of a `srcset` that a script makes; "" without one."""
    values = [img.get(name) for name in _SRCSET_ATTRIBUTES if name != "srcset"]
    return next((url for value in values if value and is_image_url(url := largest_candidate(value))), "")


def other_urls(img: Attributes) -> Iterator[str]:
    """URLs of image files in any other attribute that may name the picture; of several in one value, the last."""
    for name, value in img.items():
        if value and "." in value and not _NO_SOURCE.match(name):
            if _IMAGE_FILE.match(value):
                yield value
            elif value[:1] in "[{" and (files := _LISTED_FILE.findall(value.replace("\\/", "/"))):
                yield files[-1]


def shows_nothing(url: str) -> bool:
    """Whether the best URL of an element still shows no image: a placeholder, but no photograph and no small `data:` image."""
    return len(url) < _EMPTY_DATA_CHARS if url.startswith("data:") else is_placeholder(url) and not may_be_photograph(url)


def _is_url(value: str) -> bool:
    return bool(value) and _NOT_IN_URL.search(value) is None and ("." in value or "/" in value or value.startswith("data:"))


def _srcset_urls(img: Attributes, sources: Sequence[Attributes]) -> Iterator[str]:
    """The largest candidate of each `srcset` of the `img` and of its `source` elements."""
    for attributes in (img, *sources):
        for name in _SRCSET_ATTRIBUTES:
            value = attributes.get(name)
            largest = largest_candidate(value) if value else ""
            if largest:
                yield largest


def largest_candidate(srcset: str) -> str:
    """The widest or densest candidate of a `srcset`, the first of equals: `"a.jpg 300w, b.jpg 600w"` -> `"b.jpg"`."""
    candidates = [(float(size or 1), url) for url, size, _ in _SRCSET_CANDIDATE.findall(srcset[:_MAX_SRCSET_CHARS])]
    return max(candidates, key=lambda candidate: candidate[0])[1] if candidates else ""
