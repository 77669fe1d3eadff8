"""Where the picture of an `img` really is: lazy attributes, `srcset`, `picture`, `noscript`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

# Attributes that scripts move into `src`; OBELICS (arXiv:2306.16527) lists most of them.
_LAZY = (
    *("data-src", "data-original", "data-lazy-src", "data-lazy", "data-src-fg", "data-scroll-image", "data-lateloadsrc"),
    *(
        "data-img-src",
        "data-gt-lazy-src",
        "data-full-src",
        "data-hi-res-src",
        "data-original-src",
        "data-image",
        "data-url",
        "src2",
    ),
)
_LAZY_SETS = ("data-srcset", "data-lazy-srcset", "data-original-set", "srcset")
_STAND_IN = re.compile(
    r"(?:^|[/_.-])(?:blank|spacer|placeholder|transparent|lazy|lazyload|loading|loader|grey|gray|empty|pixel|1x1|clear|trans)[/_.-]"
    r"|(?:^|/)[a-z]\.gif$",
    re.IGNORECASE,
)
_CANDIDATE = re.compile(r"([^\s,][^\s]*[^\s,]|[^\s,])(?:\s+(\d+(?:\.\d+)?)([wx])\b[^,]*)?\s*(?:,|$)")
_SMALL_DATA_CHARS, _EMPTY_DATA_CHARS = 1000, 200


def image_source(img: Any) -> str:
    """The best URL an `img` element (lxml) offers, relative as written; empty when there is none.

    A lazy attribute beats `src`, a real `src` beats `srcset` (it is what a crawler fetched), the largest of `srcset` and of
    the `source` elements beside it beats a placeholder.
    """
    lazy = (img.get(name, "").strip() for name in _LAZY)
    src: str = img.get("src", "").strip()
    tries: list[str] = [*(url for url in lazy if _is_url(url)), *([src] if not is_stand_in(src) else []), *_from_sets(img)]
    tries = [url for url in tries if not is_stand_in(url)]
    return tries[0] if tries else src


def is_stand_in(url: str) -> bool:
    """Whether this is what a page shows until the picture comes: empty, a tiny `data:` picture, or so named."""
    if url.startswith("data:"):
        return len(url) < _SMALL_DATA_CHARS
    return not url or url.startswith(("about:", "javascript:", "#", "blob:")) or _STAND_IN.search(url) is not None


def shows_nothing(url: str) -> bool:
    """Whether no picture is behind this: a stand-in for which the page offers nothing better, but not a small real one."""
    return len(url) < _EMPTY_DATA_CHARS if url.startswith("data:") else is_stand_in(url)


def _is_url(value: str) -> bool:
    return bool(value) and not re.search(r"[\s{}<>]", value) and ("." in value or "/" in value or value.startswith("data:"))


def _from_sets(img: Any) -> Iterator[str]:
    sets = [img.get(name, "") for name in _LAZY_SETS]
    picture = next(img.iterancestors("picture"), None)  # not the parent: libxml2 takes what follows a `source` for its child
    if picture is not None:
        sets += [source.get(name, "") for source in picture.iter("source") for name in _LAZY_SETS]
    for value in sets:
        largest = best_of_srcset(value)
        if largest:
            yield largest


def best_of_srcset(value: str) -> str:
    """The widest (or densest) candidate of a `srcset`; the first of equals."""
    found = [(float(size or 1), url) for url, size, _ in _CANDIDATE.findall(value[: 64 << 10])]
    return max(found, key=lambda candidate: candidate[0])[1] if found else ""
