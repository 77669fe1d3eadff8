"""`data:` URIs: which URLs are such, their bytes, and how they are shown in a table."""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import unquote_to_bytes

from interloom.pipeline.errors import DocumentError

_MAX_DATA_HEAD = 200
"""Characters that are kept of a `data:` URI at most. Our choice."""


def is_data_uri(url: str) -> bool:
    """Returns whether the URL is a `data:` URI."""
    return url[:5].lower() == "data:"


def without_data(url: str) -> str:
    """Returns the URL without the data of a `data:` URI. Example: "data:image/png;base64,AAAA" -> "data:image/png;base64,"."""
    return url[:_MAX_DATA_HEAD].partition(",")[0] + "," if is_data_uri(url) else url


def decode_data_uri(url: str) -> bytes:
    """Returns the bytes in a `data:` URI (RFC 2397). White space and missing padding in base64 are accepted, as in browsers.

    Example: "data:,a%20b" -> b"a b". Raises DocumentError if the URI has no comma or the base64 is broken.
    """
    head, comma, body = url.partition(",")
    if not comma:
        raise DocumentError("data: URI without a comma")
    raw = unquote_to_bytes(body)
    if not re.search(r";\s*base64\s*$", head, re.IGNORECASE):
        return raw
    encoded = re.sub(rb"\s+", b"", raw).rstrip(b"=")
    try:
        return base64.b64decode(encoded + b"=" * (-len(encoded) % 4), validate=True)
    except binascii.Error as error:
        raise DocumentError(f"data: URI with broken base64: {error}") from error
