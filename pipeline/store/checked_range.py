"""Bytes of a stored file from one place to another, as a file of their own, once their checksum has been compared."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa

from interloom.pipeline.errors import DamageError
from interloom.pipeline.store import storage
from interloom.pipeline.store.damage import missing_named

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

WHOLE_BYTES = 8 << 20
"""Up to so many bytes are read at once; of more, pieces of this size: once for the checksum, and again as they are used."""


def opener(path: str, offset: int, size: int, crc32: int) -> Callable[[], pa.NativeFile]:
    """What opens the bytes as a file, again and again. Raises DamageError if they are not what was written."""
    if size <= WHOLE_BYTES:
        with missing_named(path):
            data = storage.read_range(path, offset, size)
        actual = zlib.crc32(data)
        open_file = partial(pa.BufferReader, data)
    else:
        with missing_named(path):
            actual = _crc32(path, offset, size)
        open_file = partial(_open, path, offset, size)
    if actual != crc32:
        raise DamageError(path, f"checksum of {size} bytes at {offset}")
    return open_file


def _crc32(path: str, offset: int, size: int) -> int:
    crc32 = 0
    for at in range(offset, offset + size, WHOLE_BYTES):
        crc32 = zlib.crc32(storage.read_range(path, at, min(WHOLE_BYTES, offset + size - at)), crc32)
    return crc32


def _open(path: str, offset: int, size: int) -> pa.NativeFile:
    return pa.PythonFile(io.BufferedReader(_Bytes(path, offset, size), WHOLE_BYTES), "r")


class _Bytes(io.RawIOBase):
    """Bytes of a file, read from the first to the last."""

    def __init__(self, path: str, offset: int, size: int) -> None:
        self._path, self._at, self._end = path, offset, offset + size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        piece = storage.read_range(self._path, self._at, min(len(view), self._end - self._at))
        view[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)
