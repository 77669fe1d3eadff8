"""Markup that readers see and the parser keeps apart: declarative shadow roots, and the text beside frames."""

from __future__ import annotations

import re

_TEMPLATE = re.compile(rb"<(/?)template(?=[\s>/])([^>]*)>", re.IGNORECASE)
_MARK = b"shadowrootmode"
_FRAMES = re.compile(rb"</?(?:frameset|frame|noframes)(?=[\s>/])[^>]*>", re.IGNORECASE)

_FRAMESET = b"<frameset"
_HEAD_BYTES = 16 << 10
"""A page has its frames within so many bytes. Our choice; bounds time."""


def with_shown_markup(html: bytes) -> bytes:
    """The page with its shadow roots as elements, and with its text for browsers without frames as its body.

    `<template shadowrootmode="open">a</template>` -> `<div>a</div>`; `<frameset><noframes>a</noframes></frameset>` -> `a`.
    """
    if _FRAMESET in html[:_HEAD_BYTES].lower():
        html = _FRAMES.sub(b"", html)
    return _with_shadow_roots(html) if _MARK in html else html


def _with_shadow_roots(html: bytes) -> bytes:
    are_shown: list[bool] = []

    def replacement(tag: re.Match[bytes]) -> bytes:
        if not tag[1]:
            are_shown.append(_MARK in tag[2].lower())
            return b"<div>" if are_shown[-1] else tag[0]
        return b"</div>" if are_shown and are_shown.pop() else tag[0]

    return _TEMPLATE.sub(replacement, html)
