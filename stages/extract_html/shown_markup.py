"""Markup that readers see and the parser keeps apart: declarative shadow roots, texts of inline frames and beside frames."""

from __future__ import annotations

import re
from html import escape

from selectolax.lexbor import LexborHTMLParser

from interloom.stages.extract_html.clips import player_url

_TEMPLATE = re.compile(rb"<(/?)template(?=[\s>/])([^>]*)>", re.IGNORECASE)
_MARK = b"shadowrootmode"
_FRAMES = re.compile(rb"</?(?:frameset|frame|noframes)(?=[\s>/])[^>]*>", re.IGNORECASE)

_START_OF_FRAME = re.compile(rb"<iframe(?=[\s/])", re.IGNORECASE)
_INLINE_FRAME = re.compile(rb"<iframe(?=[\s/])(?:[^>\"']|\"[^\"]*\"|'[^']*')*+>", re.IGNORECASE)
_END_OF_FRAME = re.compile(rb"</iframe[^>]*>", re.IGNORECASE)
_FRAMESET = b"<frameset"
_HEAD_BYTES = 16 << 10
"""A page has its frames within so many bytes. Our choice; bounds time."""


def with_shown_markup(html: bytes) -> bytes:
    """The page with its shadow roots and the texts of its inline frames as elements; without frames, for browsers without them.

    `<template shadowrootmode="open">a</template>` -> `<div>a</div>`; `<iframe srcdoc="a"></iframe>` -> `<div>a</div>`;
    `<frameset><noframes>a</noframes></frameset>` -> `a`. A frame that plays a clip stays: its text is the preview of the clip.
    """
    if _FRAMESET in html[:_HEAD_BYTES].lower():
        html = _FRAMES.sub(b"", html)
    if b"srcdoc" in html:
        html = _with_inline_frames(html)
    return _with_shadow_roots(html) if _MARK in html else html


def _with_shadow_roots(html: bytes) -> bytes:
    are_shown: list[bool] = []

    def replacement(tag: re.Match[bytes]) -> bytes:
        if not tag[1]:
            are_shown.append(_MARK in tag[2].lower())
            return b"<div>" if are_shown[-1] else tag[0]
        return b"</div>" if are_shown and are_shown.pop() else tag[0]

    return _TEMPLATE.sub(replacement, html)


def _with_inline_frames(html: bytes) -> bytes:
    """The page with the texts of its inline frames; a tag without an end hides what follows it, from parsers, too."""
    parts, written = list[bytes](), 0
    start = _START_OF_FRAME.search(html)
    while start is not None and (tag := _INLINE_FRAME.match(html, start.start())) is not None:
        end = _END_OF_FRAME.search(html, tag.end())
        after = end.end() if end is not None else len(html)
        text = _text_of_frame(tag[0]) if b"srcdoc" in tag[0] else b""
        if text:
            parts += [html[written : tag.start()], text]
            written = after
        start = _START_OF_FRAME.search(html, after)
    return b"".join((*parts, html[written:]))


def _text_of_frame(tag: bytes) -> bytes:
    """What a frame shows that has its text in `srcdoc`, as a `div` with the frame's other attributes; empty for a clip."""
    frame = LexborHTMLParser(tag).css_first("iframe")
    attributes = frame.attributes if frame is not None else {}
    body = LexborHTMLParser(attributes.get("srcdoc") or "").body
    if body is None or body.child is None or player_url(attributes):
        return b""
    kept = "".join(f' {name}="{escape(value or "")}"' for name, value in attributes.items() if name not in ("src", "srcdoc"))
    inside = "".join(child.html or "" for child in body.iter(include_text=True))
    return f"<div{kept}>{inside}</div>".encode()
