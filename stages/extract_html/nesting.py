"""Limits how deep the elements of a page are nested: the parser's time grows with the square of the depth."""

from __future__ import annotations

import re

_MAX_DEPTH = 1000
"""Elements nested deeper lose their tags, not their text. Our choice."""
_FEW_TAGS = 20_000
"""A page with at most as many tags is parsed as it is: the parser is fast enough even if all are nested. Our choice."""
_TAG = re.compile(rb"<(/?)([a-zA-Z][^\s/>]*)[^<>]*>")
# The parser closes these by itself, or they have no content, so leaving them open does not add to the depth.
_SELF_CLOSING = frozenset(
    b"p li td th tr dd dt option optgroup thead tbody tfoot colgroup col area base br embed hr img input link meta param source "
    b"track wbr body html head".split()
)


def limit_depth(html: bytes) -> bytes:
    """The page without the tags of elements more than 1000 levels deep; a page of 20,000 tags or fewer is returned unchanged."""
    if html.count(b"<") <= _FEW_TAGS:
        return html
    depth = max_depth = 0
    for tag in _TAG.finditer(html):
        if tag[2].lower() not in _SELF_CLOSING:
            depth = max(depth - 1, 0) if tag[1] else depth + 1
            max_depth = max(max_depth, depth)
    return _without_deep_tags(html) if max_depth > _MAX_DEPTH else html


def _without_deep_tags(html: bytes) -> bytes:
    depth = 0

    def replacement(tag: re.Match[bytes]) -> bytes:
        nonlocal depth
        if tag[2].lower() in _SELF_CLOSING:
            return tag[0]
        if tag[1]:
            depth = max(depth - 1, 0)
            return tag[0] if depth < _MAX_DEPTH else b" "
        depth += 1
        return tag[0] if depth <= _MAX_DEPTH else b" "

    return _TAG.sub(replacement, html)
