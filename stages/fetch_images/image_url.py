"""URLs of images: their hashes, and the names of saved copies."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from interloom.stages._dedup.splitmix import hashed

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
"""With a scheme, as in RFC 3986, section 3.1."""
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
"""Base of the polynomial: 2^64 divided by the golden ratio."""
_ROWS_AT_ONCE = 1 << 16
"""URLs that are hashed at once, so that memory stays small. Our choice."""
_MAX_NAME_BYTES = 255
"""Longest file name of common file systems."""
_MAX_PATH_CHARACTERS = 1000
"""Longest path of a saved copy. Our choice."""


def hash_urls(urls: pa.Array) -> npt.NDArray[np.uint64]:
    """Returns a 64-bit hash of each (non-empty) string: a polynomial in its bytes, mixed by the finaliser of SplitMix64.

    The hashes only say where rows meet; the join itself compares the strings.
    """
    pieces = [_hash_piece(urls.slice(start, _ROWS_AT_ONCE)) for start in range(0, len(urls), _ROWS_AT_ONCE)]
    return np.concatenate(pieces) if pieces else np.empty(0, np.uint64)


def _hash_piece(urls: pa.Array) -> npt.NDArray[np.uint64]:
    """Hashes the strings in their Arrow buffer, all at once: byte number i of a string counts (byte + 1) * factor^(i + 1)."""
    large = urls.cast(pa.large_string())
    _, ends, characters = large.buffers()
    bounds = np.frombuffer(ends, np.int64)[large.offset : large.offset + len(large) + 1]
    values = np.frombuffer(characters, np.uint8)[bounds[0] : bounds[-1]].astype(np.uint64)
    lengths = np.diff(bounds)
    powers = np.multiply.accumulate(np.full(lengths.max(), _FACTOR, np.uint64))
    starts = bounds[:-1] - bounds[0]
    indices = np.arange(len(values)) - np.repeat(starts, lengths)
    sums: npt.NDArray[np.uint64] = np.add.reduceat((values + np.uint64(1)) * powers[indices], starts)
    return hashed(sums.view(np.int64))


def is_relative(url: str) -> bool:
    """Returns whether the URL is not absolute, because its page had no URL. Examples: "img/1.png" -> True, "" -> False."""
    return bool(url) and not _ABSOLUTE.match(url)


def saved_names(url: str) -> list[str]:
    """Returns the paths at which a mirror saves this URL, relative to its folder; none of them leads out of the folder.

    Example: "http://host/a/b%20c.jpg?q" -> `["host/a/b c.jpg", "a/b c.jpg"]`.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return []
    path = unquote(parts.path).removeprefix("/")
    return [name for name in ([f"{host}/{path}"] if host else []) + [path] if _is_safe(name)]


def _is_safe(name: str) -> bool:
    """Returns whether the path stays in its folder and a file system accepts it."""
    parts = name.split("/")
    unsafe = any(part in {"", ".", ".."} or len(part.encode(errors="replace")) > _MAX_NAME_BYTES for part in parts)
    return not unsafe and len(name) <= _MAX_PATH_CHARACTERS and not re.search(r"[\x00-\x1f\\]", name)
