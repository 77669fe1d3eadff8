"""Image addresses: their one normal form and its key, the bytes of `data:` URIs, and names of saved copies."""

from __future__ import annotations

import base64
import binascii
import re
import string
from urllib.parse import quote, unquote, unquote_to_bytes, urlsplit

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from interloom.pipeline.errors import DocumentError

_SCHEME_AND_FRAGMENT = r"(?is)^(?:https?:)?//|#.*$"
_HOST_PATH_QUERY = r"(?s)^(?P<host>[^/?]*?)(?::(?:80|443)?)?(?P<path>/[^?]*)?(?P<query>\?.*)?$"
_UNEVEN = r"%(?:[a-f][0-9A-Fa-f]|[0-9A-F][a-f])|[^!-~]"
_PRINTABLE = string.ascii_letters + string.digits + string.punctuation
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_ROWS = 1 << 16
_LONGEST_NAME, _LONGEST_PATH = 255, 1000


def normalised(urls: pa.Array | pa.ChunkedArray) -> pa.Array:
    """The addresses without scheme, fragment and default port, host in lower case, percent-encoding in upper case.

    Two addresses with one normal form name one thing in practice: RFC 3986, section 6.2, and http read as https.
    """
    flat = urls.combine_chunks() if isinstance(urls, pa.ChunkedArray) else urls
    flat = pc.utf8_trim_whitespace(pc.fill_null(flat.cast(pa.string()), ""))
    parts = pc.extract_regex(pc.replace_substring_regex(flat, _SCHEME_AND_FRAGMENT, ""), _HOST_PATH_QUERY)
    host, path, query = (pc.fill_null(pc.struct_field(parts, name), "") for name in ("host", "path", "query"))
    path = pc.if_else(pc.equal(path, ""), "/", path)
    joined = pc.binary_join_element_wise(pc.utf8_lower(host), path, query, "")
    uneven = pc.match_substring_regex(joined, _UNEVEN)
    evened = pa.array([_encoded(url) for url in joined.filter(uneven).to_pylist()], pa.string())
    return pc.replace_with_mask(joined, uneven, evened)


def _encoded(url: str) -> str:
    host, slash, rest = url.partition("/")
    try:
        host = host.encode("idna").decode("ascii")
    except UnicodeError:
        host = quote(host, safe=_PRINTABLE)
    return host + slash + re.sub("%[0-9a-fA-F]{2}", lambda code: code[0].upper(), quote(rest, safe=_PRINTABLE))


def keys(normal: pa.Array) -> npt.NDArray[np.uint64]:
    """A 64-bit hash of each (non-empty) string: a polynomial in its bytes, mixed by the finaliser of SplitMix64.

    It only shares out and sifts the rows; whether two addresses are one is decided on the strings.
    """
    pieces = [_keys(normal.slice(start, _ROWS)) for start in range(0, len(normal), _ROWS)]
    return np.concatenate(pieces) if pieces else np.empty(0, np.uint64)


def _keys(normal: pa.Array) -> npt.NDArray[np.uint64]:
    large = normal.cast(pa.large_string())
    _, ends, characters = large.buffers()
    bounds = np.frombuffer(ends, np.int64)[large.offset : large.offset + len(large) + 1]
    values = np.frombuffer(characters, np.uint8)[bounds[0] : bounds[-1]].astype(np.uint64)
    lengths = np.diff(bounds)
    powers = np.multiply.accumulate(np.full(lengths.max(), _FACTOR, np.uint64))
    starts = bounds[:-1] - bounds[0]
    places = np.arange(len(values)) - np.repeat(starts, lengths)
    mixed: npt.NDArray[np.uint64] = np.add.reduceat((values + np.uint64(1)) * powers[places], starts)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31))


def is_data(url: str) -> bool:
    return url[:5].lower() == "data:"


def shown(url: str) -> str:
    """The address as it is kept: of a `data:` URI only what precedes its bytes."""
    return url[:200].partition(",")[0] + "," if is_data(url) else url


def decode_data(url: str) -> bytes:
    """The bytes of a `data:` URI (RFC 2397; base64 read as forgivingly as browsers do). Raises DocumentError."""
    head, comma, body = url.partition(",")
    if not comma:
        raise DocumentError("data: URI without a comma")
    raw = unquote_to_bytes(body)
    if not re.search(r";\s*base64\s*$", head, re.IGNORECASE):
        return raw
    packed = re.sub(rb"\s+", b"", raw).rstrip(b"=")
    try:
        return base64.b64decode(packed + b"=" * (-len(packed) % 4), validate=True)
    except binascii.Error as error:
        raise DocumentError(f"data: URI with broken base64: {error}") from error


def saved_names(url: str) -> list[str]:
    """Where a mirror would have put this address, relative to its folder: `host/path`, `path`. Never leads out of it."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return []
    path = unquote(parts.path).removeprefix("/")
    return [name for name in ([f"{host}/{path}"] if host else []) + [path] if _is_safe(name)]


def _is_safe(name: str) -> bool:
    parts = name.split("/")
    odd = any(part in {"", ".", ".."} or len(part.encode(errors="replace")) > _LONGEST_NAME for part in parts)
    return not odd and len(name) <= _LONGEST_PATH and not re.search(r"[\x00-\x1f\\]", name)
