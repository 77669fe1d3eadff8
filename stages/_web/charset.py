"""Decodes the bytes of a text by the charset that the server or the page names or, if that fails, by a guess.

Labels mean what WHATWG Encoding says, as `webencodings` implements it: `latin1` is windows-1252, `big5` has the characters of
Hong Kong.
"""

from __future__ import annotations

import codecs
import re

import webencodings

from interloom.stages._web.latin_charset import latin_charset

_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_LABEL = rb"[\"']?\s*([\w.:+-]+)"
_HEADER = re.compile(r"charset\s*=\s*[\"']?\s*([\w.:+-]+)", re.IGNORECASE)
_XML = re.compile(rb"\s*<\?xml[^>]{0,200}?encoding\s*=\s*" + _LABEL, re.IGNORECASE)
_META = re.compile(rb"<meta[\s/][^>]{0,2000}>", re.IGNORECASE)
_CHARSET = re.compile(rb"charset\s*=\s*" + _LABEL, re.IGNORECASE)
_CONTENT = re.compile(rb"\bcontent\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s>]*)", re.IGNORECASE)
_CONTENT_TYPE = re.compile(rb"http-equiv\s*=\s*[\"']?\s*content-type", re.IGNORECASE)
_NOT_MARKUP = ((b"<!--", b"-->"), (b"<script", b"</script"), (b"<style", b"</style"), (b"<title", b"</title"))
_HEAD_BYTES = 8192
"""A `meta` element is looked for in this many bytes at first, and in the rest only if they have none. Our choice."""
_GUESS_BYTES = 64 << 10
"""The charset is guessed from this many bytes at the head of the page. Our choice."""
_BROKEN = re.compile("\ufffd+")
_UTF8_PER_BROKEN = 2
"""A text with so many times more characters beyond ASCII than broken places is UTF-8. Our choice: others have hardly any."""
_ANY_BYTE_IS_TEXT = re.compile(r"cp125\d|cp874|iso8859|koi8|mac|cp866|latin|ascii")
"""Charsets of one byte a character, which decode any text in UTF-8."""
_GUESSED = tuple(
    [
        "utf_8",
        "cp1250",
        "cp1251",
        "cp1252",
        "cp1253",
        "cp1254",
        "cp1255",
        "cp1256",
        "cp1257",
        "cp1258",
        "cp874",
        "iso8859_2",
        "iso8859_5",
        "iso8859_7",
        "koi8_r",
        "koi8_u",
        "cp866",
        "mac_cyrillic",
        "cp932",
        "euc_jp",
        "gb18030",
        "big5hkscs",
        "cp949",
    ]
)
"""Charsets of pages that browsers guess; others are not on the web."""
_ISO_2022_JP = re.compile(rb"\x1b\$[@B].{1,2000}?\x1b\([BJ]", re.DOTALL)
"""Japanese in seven bits, between the marks of its own."""
_UTF8_START = re.compile(rb"[\xc3-\xf4][\x80-\xbf]")
_MIN_UTF8_STARTS = 3
"""A text with fewer may be UTF-8 by chance. Our choice."""
_WIDE_BYTES = 1024
_CHARACTERS_PER_ZERO = 10
"""A text is in UTF-16 if one of so many bytes at its head is zero, all of them at odd or all at even places. Our choice."""
_OTHER_CODECS = re.compile(r"(?:cp|ms|mac|iso|ibm|koi|johab|euc)[\w-]*", re.IGNORECASE)
"""Labels that WHATWG does not know and pages use all the same."""


def decoded(body: bytes, content_type: str = "", *, is_markup: bool = True) -> str:
    """Returns the page as text.

    It tries the byte order mark, the charset of the header, that of the page's `meta`, and UTF-8, in this order, and takes the
    first that decodes the page without error; UTF-8 also before a charset of one byte a character, in which any bytes are text.
    If none does, it takes UTF-8 if nearly all characters beyond ASCII are valid, else the first other one that was named, else a
    guess, with U+FFFD for broken bytes.

    Parameters:
        body: The bytes of the page.
        content_type: The header `Content-Type`. Default: no header.
        is_markup: Whether the body may name its charset; plain text about pages only speaks of theirs.
    """
    return _decode(body, content_type, is_markup)[0]


def as_utf8(body: bytes, content_type: str = "") -> tuple[bytes, int]:
    """Returns the page in UTF-8 and its length in characters. A page in UTF-8 is returned as it is.

    Parameters:
        body: The bytes of the page.
        content_type: The header `Content-Type`. Default: no header.
    """
    text, codec = _decode(body, content_type, is_markup=True)
    return body if codec == "utf-8" else text.encode("utf-8", "replace"), len(text)


def _decode(body: bytes, content_type: str, is_markup: bool) -> tuple[str, str]:
    """Returns the text and the codec; the codec is "" if a byte order mark named it or if no codec decoded without error."""
    for mark, name in _BOMS:
        if body.startswith(mark):
            return body.decode(name, "replace"), ""
    if wide := _utf_16_without_mark(body[:_WIDE_BYTES]):
        return body.decode(wide, "replace"), ""
    named = [name for name in (_from_header(content_type), _from_page(body) if is_markup else "") if name]
    if not named and b"\x1b$" in body and _ISO_2022_JP.search(body):
        named = ["iso2022_jp"]
    first = ["utf-8"] if named and _ANY_BYTE_IS_TEXT.match(named[0]) and _has_utf8_sequences(body) else []
    for name in [*first, *named, "utf-8"]:
        try:
            return body.decode(name), name
        except (UnicodeError, ValueError):
            continue
    text = body.decode("utf-8", "replace")
    if _is_utf8(text):
        return text, ""
    others = [name for name in named if name != "utf-8"]
    return body.decode(others[0] if others else _guess(body), "replace"), ""


def _has_utf8_sequences(body: bytes) -> bool:
    """Whether at least three bytes beyond ASCII begin a character as in UTF-8: so many do not by chance, if all are valid."""
    return len(_UTF8_START.findall(body[:_GUESS_BYTES])) >= _MIN_UTF8_STARTS


def _utf_16_without_mark(head: bytes) -> str:
    """UTF-16 that has no byte order mark, told by the zero bytes of its markup, blanks and digits; "" for other texts."""
    zeros = head.count(0)
    if zeros * _CHARACTERS_PER_ZERO < len(head):
        return ""
    low = head[1::2].count(0)
    return "utf-16-le" if low == zeros else "utf-16-be" if low == 0 else ""


def _is_utf8(text: str) -> bool:
    """Whether nearly all characters beyond ASCII were valid UTF-8, in a text with U+FFFD for broken bytes."""
    valid = len(text) - len(text.encode("ascii", "ignore")) - text.count("\ufffd")
    return valid >= _UTF8_PER_BROKEN * len(_BROKEN.findall(text))


def _from_header(content_type: str) -> str:
    match = _HEADER.search(content_type)
    return _codec(match[1]) if match else ""


def _from_page(body: bytes) -> str:
    """The codec that an XML declaration or the first `meta` names, wherever that stands."""
    declared = _XML.match(body[:_HEAD_BYTES])
    label = declared[1] if declared else _from_meta(body, 0, _HEAD_BYTES)
    if not label and (b"charset" in body or b"CHARSET" in body):
        label = _from_meta(body, _HEAD_BYTES // 2, len(body))
    name = _codec(label.decode("ascii", "replace")) if label else ""
    # A page whose `meta` element is readable as ASCII is not in UTF-16, whatever it names.
    return "utf-8" if name.startswith("utf-16") else "cp1252" if name == "x-user-defined" else name


def _from_meta(body: bytes, start: int, end: int) -> bytes:
    """The label in the first `meta` between these bytes that names a charset and is markup; b"" without any."""
    for meta in _META.finditer(body, start, end):
        tag = meta[0]
        match = _CHARSET.search(tag if _CONTENT_TYPE.search(tag) else _CONTENT.sub(b"", tag))
        if match and not _is_in_text(body, meta.start()):
            return match[1]
    return b""


def _is_in_text(body: bytes, at: int) -> bool:
    """Whether a place is in a comment, a script, a style sheet or the title."""
    return any(body.rfind(start, 0, at) > body.rfind(end, 0, at) for start, end in _NOT_MARKUP)


def _codec(label: str) -> str:
    """Returns Python's name of the text encoding of a label, or "" without any. Example: "ISO-8859-1" -> "cp1252"."""
    encoding = webencodings.lookup(label)
    if encoding is None:
        return _codec_unknown_to_whatwg(label)
    if encoding.name == "replacement":
        return ""
    return "gb18030" if encoding.name in ("gbk", "gb18030") else str(encoding.codec_info.name)


def _codec_unknown_to_whatwg(label: str) -> str:
    try:
        return codecs.lookup(label).name if _OTHER_CODECS.fullmatch(label) else ""
    except (LookupError, ValueError):
        return ""


def _guess(body: bytes) -> str:
    if latin := latin_charset(body):
        return latin
    from charset_normalizer import from_bytes

    best = from_bytes(body[:_GUESS_BYTES], cp_isolation=[*_GUESSED]).best()
    return best.encoding if best else "cp1252"
