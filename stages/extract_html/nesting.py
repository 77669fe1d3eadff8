"""Keeps a page from costing more than its size: the parser's time grows with the square of how deep elements are nested."""

from __future__ import annotations

import re

_DEEPEST, _FEW_TAGS = 1000, 20_000
_TAG = re.compile(rb"<(/?)([a-zA-Z][^\s/>]*)[^<>]*>")
# These end by themselves or hold nothing, so they do not add up to depth by being left open.
_FREE = frozenset(
    b"p li td th tr dd dt option optgroup thead tbody tfoot colgroup col area base br embed hr img input link meta param source "
    b"track wbr body html head".split()
)


def shallow(html: bytes) -> bytes:
    """The page without the tags that open deeper than a thousand elements; pages with fewer tags come back as they are."""
    if html.count(b"<") <= _FEW_TAGS:
        return html
    depth = deepest = 0
    for tag in _TAG.finditer(html):
        if tag[2].lower() not in _FREE:
            depth = max(depth - 1, 0) if tag[1] else depth + 1
            deepest = max(deepest, depth)
    return _cut(html) if deepest > _DEEPEST else html


def _cut(html: bytes) -> bytes:
    depth = 0

    def replaced(tag: re.Match[bytes]) -> bytes:
        nonlocal depth
        if tag[2].lower() in _FREE:
            return tag[0]
        if tag[1]:
            depth = max(depth - 1, 0)
            return tag[0] if depth < _DEEPEST else b" "
        depth += 1
        return tag[0] if depth <= _DEEPEST else b" "

    return _TAG.sub(replaced, html)
