"""The footer of a Parquet file: it holds the places and sizes of all pages, so a flipped bit in it may give other data silently.

Pages have checksums of their own; the footer has none, so a unit's commit names its digest.
"""

from __future__ import annotations

import hashlib
import io
import zlib
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

_TAIL_BYTES = 64 << 10  # read at once at the end of a file; a footer is rarely longer
_MARK = b"PAR1"


def digest_of_footer(file: BinaryIO) -> str:
    """The first 16 hex digits of the footer's sha256."""
    return _digest(_footer(file))


def crc32_of_footer(file: BinaryIO) -> int:
    """The CRC-32 of the footer, which the index of a shard holds."""
    return zlib.crc32(_footer(file))


def checked_metadata(file: BinaryIO, expected: str) -> pq.FileMetaData:
    """The description of columns and pages. Raises OSError if the footer has another digest than `expected`."""
    footer = _footer(file)
    if _digest(footer) != expected:
        raise OSError("its footer is not that of its commit")
    return pq.read_metadata(pa.BufferReader(_MARK + footer))


def _footer(file: BinaryIO) -> bytes:
    """The end of the file: the description, its length in 4 bytes, and the format's mark."""
    size = file.seek(0, io.SEEK_END)
    tail = _last_bytes(file, size, _TAIL_BYTES)
    length = int.from_bytes(tail[-8:-4], "little") + 8
    return tail[-length:] if length <= len(tail) else _last_bytes(file, size, length)


def _last_bytes(file: BinaryIO, size: int, count: int) -> bytes:
    count = min(count, size)
    file.seek(size - count)
    return file.read(count)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
