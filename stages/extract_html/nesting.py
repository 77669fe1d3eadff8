"""Limits how deep the elements of a page are nested: the parser's time, and that of paths, grows with the square of the depth."""

from __future__ import annotations

import re

import numpy as np

MAX_DEPTH = 512
"""Elements nested deeper are taken out of their parents, as in browsers (Blink and WebKit have this limit)."""
_FEW_TAGS = 20_000
"""A page with at most as many tags is parsed as it is: the parser is fast enough even if all are nested. Our choice."""
_TAG = re.compile(rb"<(/?)([a-zA-Z][^\s/>]*)[^<>]*>")
_START_OF_TAG = ord("<")
# The parser closes these by itself, or they hold no elements, so leaving them open does not add to the depth.
_NOT_NESTED = frozenset(
    b"p li td th tr dd dt option optgroup thead tbody tfoot colgroup col area base br embed hr img input link meta param source "
    b"track wbr body html head script style textarea title iframe noembed noframes xmp plaintext".split()
)


def limit_depth(html: bytes, few_tags: int = _FEW_TAGS) -> bytes:
    """The page with what is more than 512 levels deep taken out of the elements around it; one of few tags is unchanged."""
    if np.count_nonzero(np.frombuffer(html, np.uint8) == _START_OF_TAG) <= few_tags:
        return html
    depth = max_depth = 0
    for tag in _TAG.finditer(html):
        if tag[2].lower() not in _NOT_NESTED:
            depth = max(depth - 1, 0) if tag[1] else depth + 1
            max_depth = max(max_depth, depth)
    return _without_deep_tags(html) if max_depth > MAX_DEPTH else html


def _without_deep_tags(html: bytes) -> bytes:
    """The page in which each element below the limit is empty: what was in it follows it, as in browsers."""
    depth = 0

    def replacement(tag: re.Match[bytes]) -> bytes:
        nonlocal depth
        if tag[2].lower() in _NOT_NESTED:
            return tag[0]
        if tag[1]:
            depth = max(depth - 1, 0)
            return tag[0] if depth < MAX_DEPTH else b" "
        depth += 1
        return tag[0] if depth <= MAX_DEPTH else tag[0] + b"</" + tag[2] + b">"

    return _TAG.sub(replacement, html)
