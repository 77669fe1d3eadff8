"""Decodes the bytes of a page by the charset that the server or the page names or, if that fails, by a guess."""

from __future__ import annotations

import codecs
import re

_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_HEADER = re.compile(r"charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_META = re.compile(
    rb"<meta[^>]{0,500}?charset\s*=\s*[\"']?\s*([\w.:-]+)|<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]+)", re.IGNORECASE
)
_META_BYTES = 8192
"""A `meta` element is looked for in this many bytes at the head of the page. Our choice."""
_GUESS_BYTES = 64 << 10
"""The charset is guessed from this many bytes at the head of the page. Our choice."""
_SUPERSETS = {
    "iso8859-1": "cp1252",
    "ascii": "cp1252",
    "iso8859-9": "cp1254",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
}
"""Pages that name the charset on the left are read as the larger one on the right (WHATWG Encoding, section 4.2)."""


def decoded(body: bytes, content_type: str = "") -> str:
    """Returns the page as text.

    It tries the byte order mark, the charset of the header, that of the page's `meta`, UTF-8 and a guess, in this order, and
    takes the first that decodes the page without error. If none does, it takes the first, with U+FFFD for broken bytes.

    Parameters:
        body: The bytes of the page.
        content_type: The header `Content-Type`. Default: no header.
    """
    return _decode(body, content_type)[0]


def as_utf8(body: bytes, content_type: str = "") -> tuple[bytes, int]:
    """Returns the page in UTF-8 and its length in characters. A page in UTF-8 is returned as it is.

    Parameters:
        body: The bytes of the page.
        content_type: The header `Content-Type`. Default: no header.
    """
    text, codec = _decode(body, content_type)
    return body if codec == "utf-8" else text.encode("utf-8", "replace"), len(text)


def _decode(body: bytes, content_type: str) -> tuple[str, str]:
    """Returns the text and the codec; the codec is "" if a byte order mark named it or if no codec decoded without error."""
    for mark, name in _BOMS:
        if body.startswith(mark):
            return body.decode(name, "replace"), ""
    named = [name for name in (_from_header(content_type), _from_meta(body)) if name]
    for name in [*named, "utf-8"]:
        try:
            return body.decode(name), name
        except (UnicodeError, ValueError):
            continue
    return body.decode(named[0] if named else _guess(body), "replace"), ""


def _from_header(content_type: str) -> str:
    match = _HEADER.search(content_type)
    return _codec(match[1]) if match else ""


def _from_meta(body: bytes) -> str:
    match = _META.search(body[:_META_BYTES])
    name = _codec((match[1] or match[2]).decode("ascii")) if match else ""
    # A page whose `meta` element is readable as ASCII is not in UTF-16, whatever it names.
    return "utf-8" if name.startswith("utf-16") else name


def _codec(name: str) -> str:
    """Returns Python's name of the text encoding, or "" if Python does not know it. Example: "ISO-8859-1" -> "cp1252"."""
    try:
        known = codecs.lookup(name)
    except (LookupError, ValueError):
        return ""
    return _SUPERSETS.get(known.name, known.name) if getattr(known, "_is_text_encoding", True) else ""


def _guess(body: bytes) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(body[:_GUESS_BYTES]).best()
    return best.encoding if best else "cp1252"
