"""Where the picture of an `img` really is: lazy attributes, `srcset`, `picture`, `noscript`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

# Attributes that scripts move into `src`; OBELICS (arXiv:2306.16527) lists most of them.
_LAZY = (
    *(
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
    ),
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
_LAZY_SETS = ("data-srcset", "data-lazy-srcset", "data-original-set", "data-lazyload-srcset", "srcset")
_STAND_IN = re.compile(
    r"(?:^|[/_.-])(?:blank|spacer|placeholder|transparent|lazy|lazyload|loading|loader|grey|gray|empty|pixel|1x1|clear|trans)[/_.-]"
    r"|(?:^|/)[a-z]\.gif$",
    re.IGNORECASE,
)
_CANDIDATE = re.compile(r"([^\s,][^\s]*[^\s,]|[^\s,])(?:\s+(\d+(?:\.\d+)?)([wx])\b[^,]*)?\s*(?:,|$)")
_PICTURE = re.compile(r"[^\s{}<>,]+\.(?:jpe?g|png|webp|gif|avif)(?:\?[^\s{}<>]*)?$", re.IGNORECASE)
_SMALL_DATA_CHARS, _EMPTY_DATA_CHARS = 1000, 200


Attributes = Mapping[str, str | None]


def image_source(img: Attributes, sources: Sequence[Attributes] = ()) -> str:
    """The best URL that the attributes of an `img` offer, relative as written; empty when there is none.

    `sources` are those of the `source` elements of its `picture`. A lazy attribute beats `src`, a real `src` beats `srcset`
    (it is what a crawler fetched), the largest of `srcset` and of the sources beats a placeholder.
    """
    src = (img.get("src") or "").strip()
    lazy = (value.strip() for name in _LAZY if (value := img.get(name)) and _is_url(value.strip()))
    tries = chain(lazy, [src], _from_sets(img, sources), _unheard_of(img))
    return next((url for url in tries if not is_stand_in(url)), src)


def _unheard_of(img: Attributes) -> Iterator[str]:
    """URLs of pictures in `data-` attributes that nobody listed."""
    return (value for name, value in img.items() if name.startswith("data-") and value and _PICTURE.match(value))


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


def _from_sets(img: Attributes, sources: Sequence[Attributes]) -> Iterator[str]:
    for attributes in (img, *sources):
        for name in _LAZY_SETS:
            value = attributes.get(name)
            largest = best_of_srcset(value) if value else ""
            if largest:
                yield largest


def best_of_srcset(value: str) -> str:
    """The widest (or densest) candidate of a `srcset`; the first of equals."""
    found = [(float(size or 1), url) for url, size, _ in _CANDIDATE.findall(value[: 64 << 10])]
    return max(found, key=lambda candidate: candidate[0])[1] if found else ""
