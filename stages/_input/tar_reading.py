"""Reads tar files so that damage is an error, also where the standard library takes it for the end."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, Self, cast

import pyarrow as pa

from interloom.pipeline.store import storage

_TRUNCATED = ("EmptyHeaderError", "TruncatedHeaderError")
_ZEROS = "EOFHeaderError"
_BROKEN = "InvalidHeaderError"
_END_BLOCKS = 2
"""Blocks of zeros in which a complete tar ends."""
_BUFFER_BYTES = 1 << 20
"""Buffer for decompressed zstd. Our choice."""

_PACKINGS: dict[bytes, Callable[[BinaryIO], Any]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\0": lzma.LZMAFile,
    b"\x28\xb5\x2f\xfd": lambda file: io.BufferedReader(pa.input_stream(file, compression="zstd"), _BUFFER_BYTES),
}
"""How files are unpacked that begin so: all of their streams, one after the other."""


class TrailingDataError(tarfile.ReadError):
    """What follows the end of a tar is no tar."""


class Member(tarfile.TarInfo):
    """A member for `tarfile.open(tarinfo=Member)` that raises ReadError for a damaged tar.

    A complete tar ends in blocks of zeros, so a missing, partial or broken header means that the tar was cut off or damaged, and
    what follows is lost. What follows the zeros is the next tar, as `cat a.tar b.tar` leaves it.
    """

    @classmethod
    def fromtarfile(cls, tar: tarfile.TarFile) -> Self:
        zeros = 0
        while True:
            try:
                return super().fromtarfile(tar)
            except tarfile.HeaderError as error:
                kind = type(error).__name__
                if kind == _BROKEN:
                    problem = TrailingDataError if zeros >= _END_BLOCKS else tarfile.ReadError
                    raise problem(f"broken header at byte {_place(tar) - tarfile.BLOCKSIZE}") from error
                if kind in _TRUNCATED and not zeros:
                    raise tarfile.ReadError(f"cut off at byte {tar.offset}") from error
                if kind in _TRUNCATED:
                    raise tarfile.EOFHeaderError("end of file") from error  # type: ignore[attr-defined]
                if kind != _ZEROS:
                    raise
                zeros += 1


def _place(tar: tarfile.TarFile) -> int:
    return cast(BinaryIO, tar.fileobj).tell()


@contextmanager
def opened_tar(path: str) -> Iterator[tuple[tarfile.TarFile, bool]]:
    """Opens a tar, compressed or not; with it whether it is plain, so that offsets are those in the file."""
    with storage.open(path) as file:
        first = file.read(max(map(len, _PACKINGS)))
        file.seek(0)
        unpacked = next((unpack for magic, unpack in _PACKINGS.items() if first.startswith(magic)), None)
        if unpacked is None:
            with tarfile.open(fileobj=file, mode="r:", tarinfo=Member) as tar:
                yield tar, True
        else:
            with tarfile.open(fileobj=unpacked(file), mode="r|", tarinfo=Member) as tar:
                yield tar, False
