"""Determines media types from a header or from the first bytes of the content."""

from __future__ import annotations

import re

from interloom.stages._images.formats import image_media_type

_UNSPECIFIC = (
    "",
    "application/octet-stream",
    "application/unknown",
    "unknown/unknown",
    "binary/octet-stream",
    "*/*",
    "no-type",
)
_HTML = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:\s|<!--.*?-->|<\?xml[^>]*>)*<(?:!doctype\s+html|html|head|body|title|meta|script|style|div|h1|p|table)[\s>]",
    re.IGNORECASE | re.DOTALL,
)
_HTML_BYTES = 2048
"""HTML is recognised in this many bytes at the head of the content. Our choice."""


def media_type(content_type: str) -> str:
    """Returns the media type of a `Content-Type` header, or "" if the header is unspecific.

    Examples: "Text/HTML; charset=utf-8" -> "text/html", "application/octet-stream" -> "".
    """
    kind = content_type.partition(";")[0].partition(",")[0].strip().lower()
    return "" if kind in _UNSPECIFIC else kind


def sniffed(body: bytes) -> str:
    """Returns the media type of an image or HTML page by its first bytes (WHATWG MIME Sniffing, sections 6 and 7).

    Returns "" for other content.
    """
    return image_media_type(body) or ("text/html" if looks_like_html(body) else "")


def looks_like_html(body: bytes) -> bool:
    """Returns whether the content begins with an element or doctype of HTML; comments and white space may precede it."""
    return _HTML.match(body[:_HTML_BYTES]) is not None
