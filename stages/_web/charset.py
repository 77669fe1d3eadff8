"""Bytes of a page as text, by the charset it names or, failing that, the one that fits."""

from __future__ import annotations

import codecs
import re

_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_HEADER = re.compile(r"charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_META = re.compile(
    rb"<meta[^>]{0,500}?charset\s*=\s*[\"']?\s*([\w.:-]+)|<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]+)", re.IGNORECASE
)
_META_BYTES = 8192
# What pages mean by these names, which is more than the names say (WHATWG Encoding, section 4.2).
_MEANT = {
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


def decoded(body: bytes, content_type: str = "") -> str:
    """The page as text: by its byte order mark, the header's charset, its own `meta`, UTF-8, or a guess, whichever first
    decodes it without error; else the first of them with U+FFFD in the gaps."""
    return _read(body, content_type)[0]


def as_utf8(body: bytes, content_type: str = "") -> tuple[bytes, int]:
    """The page in UTF-8, which it mostly is already, and how many characters that are."""
    text, codec = _read(body, content_type)
    return body if codec == "utf-8" else text.encode("utf-8", "replace"), len(text)


def _read(body: bytes, content_type: str) -> tuple[str, str]:
    """The page as text, and what it was in, which is not said when it was in nothing without error."""
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
    found = _HEADER.search(content_type)
    return _codec(found[1]) if found else ""


def _from_meta(body: bytes) -> str:
    found = _META.search(body[:_META_BYTES])
    name = _codec((found[1] or found[2]).decode("ascii")) if found else ""
    return "utf-8" if name.startswith("utf-16") else name  # it was ASCII enough to be read


def _codec(name: str) -> str:
    """Python's name for a text encoding, empty when it knows none."""
    try:
        known = codecs.lookup(name)
    except (LookupError, ValueError):
        return ""
    return _MEANT.get(known.name, known.name) if getattr(known, "_is_text_encoding", True) else ""


def _guess(body: bytes) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(body[: 64 << 10]).best()
    return best.encoding if best else "cp1252"
