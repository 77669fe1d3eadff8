"""Media types: read from a header, or told from the first bytes."""

from __future__ import annotations

import re

_UNSAID = ("", "application/octet-stream", "application/unknown", "unknown/unknown", "binary/octet-stream", "*/*", "no-type")
_MAGIC = (
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"GIF8[79]a"), "image/gif"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "image/webp"),
    (re.compile(rb"....ftypavi[fs]", re.DOTALL), "image/avif"),
    (re.compile(rb"BM.{4}\x00\x00\x00\x00", re.DOTALL), "image/bmp"),
    (re.compile(rb"II\*\x00|MM\x00\*"), "image/tiff"),
)
_HTML = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:\s|<!--.*?-->|<\?xml[^>]*>)*<(?:!doctype\s+html|html|head|body|title|meta|script|style|div|h1|p|table)[\s>]",
    re.IGNORECASE | re.DOTALL,
)
_LOOK_BYTES = 2048


def media_type(content_type: str) -> str:
    """`text/html` of `Text/HTML; charset=utf-8`; empty when the header says nothing."""
    kind = content_type.partition(";")[0].partition(",")[0].strip().lower()
    return "" if kind in _UNSAID else kind


def sniffed(body: bytes) -> str:
    """The media type that the first bytes show, for images and HTML; else empty (WHATWG MIME Sniffing, sections 6 and 7)."""
    for magic, kind in _MAGIC:
        if magic.match(body):
            return kind
    return "text/html" if looks_like_html(body) else ""


def looks_like_html(body: bytes) -> bool:
    return _HTML.match(body[:_LOOK_BYTES]) is not None
