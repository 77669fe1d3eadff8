"""Locates the records of a WARC or ARC file, which may be plain or compressed with gzip, lz4 or zstd."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import BinaryIO, Protocol

from fastwarc.stream_io import Lz4Reader, ZstdReader
from fastwarc.warc import ArchiveIterator

from interloom.stages._web.warc_records import Record, Window, begins_record, records

GZIP = b"\x1f\x8b\x08"
LZ4 = b"\x04\x22\x4d\x18"
ZSTD = b"\x28\xb5\x2f\xfd"
_READ_BYTES = 256 << 10
"""Bytes that are read from the file at once."""
_INFLATED_BYTES = 1 << 20
"""Maximum number of bytes that one step of decompression returns."""
_PEEK_BYTES = 8192
"""Bytes of a gzip member that are looked at to see whether a record begins in it."""
_MAX_RATIO = 500
"""A gzip member that inflates to more than this many times its size is refused as a bomb. Our choice."""
_RATIO_FROM_BYTES = 64 << 20
"""A gzip member may always inflate to this size. Our choice."""


@dataclass(frozen=True, slots=True)
class LocatedRecord:
    """A record and its location: bytes [offset, offset + length) of the file contain it, and only it, compressed or not.

    `length` is None if a gzip member or frame contains several records, because no byte range contains only this one;
    `inner` is its offset in the decompressed member then. `block` are the record's bytes, `error` says why it is broken.
    """

    offset: int
    length: int | None
    inner: int
    block: bytes
    error: str = ""


def locate_records(file: BinaryIO, max_bytes: int) -> Iterator[LocatedRecord]:
    """Yields the records of the file in order, broken ones with their error.

    Parameters:
        file: The archive, opened for reading; it must be seekable.
        max_bytes: Larger records are not read; they come with an error. Bytes.
    """
    magic = file.read(4)
    file.seek(0)
    if magic.startswith(GZIP):
        return _locate_in_gzip(file, max_bytes)
    if magic in (LZ4, ZSTD):
        return _locate_in_frames(file, magic, max_bytes)
    plain = records(Window(lambda: file.read(_READ_BYTES)), max_bytes)
    return (LocatedRecord(r.start, r.size, 0, r.block, r.error) for r in plain)


class _Part(Protocol):
    """A part of a file that is compressed by itself: a gzip member or a frame.

    `start` is its first byte in the file, `end` the byte after the last one read, `error` why it cannot be read further.
    """

    start: int
    error: str

    @property
    def end(self) -> int: ...

    def read(self) -> bytes: ...


class _Member:
    """One gzip member, inflated piece by piece."""

    def __init__(self, compressed: Window) -> None:
        self.compressed, self.start, self.error = compressed, compressed.start, ""
        self._stream, self._inflated_bytes = zlib.decompressobj(31), 0

    @property
    def end(self) -> int:
        return self.compressed.start

    def read(self) -> bytes:
        """Returns the next inflated piece, or b"" at the end or after an error."""
        while not self._stream.eof and not self.error:
            piece = self._inflate_piece()
            if piece:
                return piece
        return b""

    def _inflate_piece(self) -> bytes:
        self.compressed.fill(1)
        compressed = bytes(self.compressed.held[:_READ_BYTES])
        try:
            inflated = self._stream.decompress(compressed, _INFLATED_BYTES)
        except zlib.error as error:
            self.error = f"broken gzip: {error}"
            return b""
        self.compressed.drop(len(compressed) - len(self._stream.unused_data or self._stream.unconsumed_tail))
        self._inflated_bytes += len(inflated)
        if not compressed and not inflated:
            self.error = "truncated gzip member"
        elif self._inflated_bytes > max(_RATIO_FROM_BYTES, _MAX_RATIO * (self.end - self.start)):
            self.error = "gzip bomb"
        return inflated


class _Frame:
    """One lz4 or zstd frame."""

    def __init__(self, reader: Lz4Reader | ZstdReader, start: int, end: int) -> None:
        self._reader, self.start, self.end, self.error = reader, start, end, ""

    def read(self) -> bytes:
        try:
            return bytes(self._reader.read(_INFLATED_BYTES))
        except (OSError, EOFError) as error:
            self.error = f"broken frame: {error}"
            return b""


def _locate_in_part(part: _Part, max_bytes: int) -> Iterator[LocatedRecord]:
    """Yields the records of one part.

    It reads one record ahead, because only a record that is alone in its part has a byte range of its own.
    """
    last: Record | None = None
    for record in records(Window(part.read), max_bytes):
        if last:
            yield LocatedRecord(part.start, None, last.start, last.block, last.error)
        last = record
    length = part.end - part.start
    if last:
        own_length = length if last.start == 0 else None
        yield LocatedRecord(part.start, own_length, last.start, last.block, part.error or last.error)
    elif part.error:
        yield LocatedRecord(part.start, length, 0, b"", part.error)


def _locate_in_gzip(file: BinaryIO, max_bytes: int) -> Iterator[LocatedRecord]:
    compressed = Window(lambda: file.read(_READ_BYTES))
    while compressed.fill(1):
        member = _Member(compressed)
        yield from _locate_in_part(member, max_bytes)
        if member.error:
            compressed = _seek_member(file, member.start + 1)


def _seek_member(file: BinaryIO, start: int) -> Window:
    """Returns a window at the first gzip member from `start` on that begins with a record; an empty window without any."""
    file.seek(start)
    window = Window(lambda: file.read(_READ_BYTES), start)
    while window.fill(len(GZIP)):
        at = window.held.find(GZIP)
        window.drop(at if at >= 0 else len(window.held) - len(GZIP) + 1)
        window.fill(_PEEK_BYTES)
        if at >= 0 and _begins_with_record(bytes(window.held[:_PEEK_BYTES])):
            return window
        window.drop(1)
    window.drop(len(window.held))
    return window


def _begins_with_record(compressed: bytes) -> bool:
    try:
        return begins_record(zlib.decompressobj(31).decompress(compressed, _PEEK_BYTES))
    except zlib.error:
        return False


def _locate_in_frames(file: BinaryIO, magic: bytes, max_bytes: int) -> Iterator[LocatedRecord]:
    """Makes two passes: fastwarc finds where the frames begin, then each frame is read by itself."""
    starts = _frame_starts(file)
    starts = [start for start in starts if start == 0 or _bytes_at(file, start, len(magic)) == magic]  # not inside a frame
    for start, end in pairwise([*starts, file.seek(0, io.SEEK_END)]):
        file.seek(start)
        frame = io.BytesIO(file.read(end - start))
        yield from _locate_in_part(_Frame(Lz4Reader(frame) if magic == LZ4 else ZstdReader(frame), start, end), max_bytes)


def _bytes_at(file: BinaryIO, start: int, size: int) -> bytes:
    file.seek(start)
    return file.read(size)


def _frame_starts(file: BinaryIO) -> list[int]:
    starts = {0: None}
    with suppress(OSError):  # the rest after the last good frame is read as one frame and reported as broken there
        starts.update((record.stream_pos, None) for record in ArchiveIterator(file, parse_http=False))
    return list(starts)
