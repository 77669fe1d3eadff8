"""Declarative shadow roots: templates whose content browsers show, and parsers keep apart."""

from __future__ import annotations

import re

_TEMPLATE = re.compile(rb"<(/?)template(?=[\s>/])([^>]*)>", re.IGNORECASE)
_MARK = b"shadowrootmode"


def with_shadow_roots(html: bytes) -> bytes:
    """The page with its shadow roots as elements: `<template shadowrootmode="open">a</template>` -> `<div>a</div>`."""
    if _MARK not in html:
        return html
    are_shown: list[bool] = []

    def replacement(tag: re.Match[bytes]) -> bytes:
        if not tag[1]:
            are_shown.append(_MARK in tag[2].lower())
            return b"<div>" if are_shown[-1] else tag[0]
        return b"</div>" if are_shown and are_shown.pop() else tag[0]

    return _TEMPLATE.sub(replacement, html)
