"""The records of a WARC or ARC file with their exact places, from plain, gzip, lz4 and zstd files, on disk or in S3."""

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

GZIP, LZ4, ZSTD = b"\x1f\x8b\x08", b"\x04\x22\x4d\x18", b"\x28\xb5\x2f\xfd"
_PIECE_BYTES, _PEEK_BYTES = 256 << 10, 8192
_MAX_RATIO, _RATIO_FROM_BYTES = 500, 64 << 20


@dataclass(frozen=True, slots=True)
class Place:
    """A record and where it lies: bytes [offset, offset + length) of the file, decompressed, begin with it. `length` is
    None for one of several records in one gzip member, where no such range exists; `inner` is its place in there."""

    offset: int
    length: int | None
    inner: int
    block: bytes
    error: str = ""


def places(file: BinaryIO, max_bytes: int) -> Iterator[Place]:
    """The file's records in order, broken ones with their error. Blocks over `max_bytes` are not read."""
    magic = file.read(4)
    file.seek(0)
    if magic.startswith(GZIP):
        return _gzip_places(file, max_bytes)
    if magic in (LZ4, ZSTD):
        return _frame_places(file, magic, max_bytes)
    found = records(Window(lambda: file.read(_PIECE_BYTES)), max_bytes)
    return (Place(r.start, r.size, 0, r.block, r.error) for r in found)


class _Part(Protocol):
    """A part of a file that is compressed by itself. `error` says why it ended before its end, `end` where it ended."""

    start: int
    error: str

    @property
    def end(self) -> int: ...

    def read(self) -> bytes: ...


class _Member:
    """One gzip member, inflated piece by piece."""

    def __init__(self, compressed: Window) -> None:
        self.compressed, self.start, self.error = compressed, compressed.start, ""
        self._inflate, self._made = zlib.decompressobj(31), 0

    @property
    def end(self) -> int:
        return self.compressed.start

    def read(self) -> bytes:
        while not self._inflate.eof and not self.error:
            piece = self._piece()
            if piece:
                return piece
        return b""

    def _piece(self) -> bytes:
        self.compressed.fill(1)
        given = bytes(self.compressed.held[:_PIECE_BYTES])
        try:
            made = self._inflate.decompress(given, 1 << 20)
        except zlib.error as error:
            self.error = f"broken gzip: {error}"
            return b""
        self.compressed.drop(len(given) - len(self._inflate.unused_data or self._inflate.unconsumed_tail))
        self._made += len(made)
        if not given and not made:
            self.error = "truncated gzip member"
        elif self._made > max(_RATIO_FROM_BYTES, _MAX_RATIO * (self.end - self.start)):
            self.error = "gzip bomb"
        return made


class _Frame:
    """One lz4 or zstd frame."""

    def __init__(self, reader: Lz4Reader | ZstdReader, start: int, end: int) -> None:
        self._reader, self.start, self.end, self.error = reader, start, end, ""

    def read(self) -> bytes:
        try:
            return bytes(self._reader.read(1 << 20))
        except (OSError, EOFError) as error:
            self.error = f"broken frame: {error}"
            return b""


def _part_places(part: _Part, max_bytes: int) -> Iterator[Place]:
    """Looks one record ahead, because only a record that is alone in its part has a range of its own."""
    held: Record | None = None
    for record in records(Window(part.read), max_bytes):
        if held:
            yield Place(part.start, None, held.start, held.block, held.error)
        held = record
    length = part.end - part.start
    if held:
        own = length if held.start == 0 else None
        yield Place(part.start, own, held.start, held.block, part.error or held.error)
    elif part.error:
        yield Place(part.start, length, 0, b"", part.error)


def _gzip_places(file: BinaryIO, max_bytes: int) -> Iterator[Place]:
    compressed = Window(lambda: file.read(_PIECE_BYTES))
    while compressed.fill(1):
        member = _Member(compressed)
        yield from _part_places(member, max_bytes)
        if member.error:
            compressed = _next_member(file, member.start + 1)


def _next_member(file: BinaryIO, start: int) -> Window:
    """A window at the first gzip magic from `start` on behind which a record begins; an empty one when there is none."""
    file.seek(start)
    window = Window(lambda: file.read(_PIECE_BYTES), start)
    while window.fill(len(GZIP)):
        at = window.held.find(GZIP)
        window.drop(at if at >= 0 else len(window.held) - len(GZIP) + 1)
        window.fill(_PEEK_BYTES)
        if at >= 0 and _opens(bytes(window.held[:_PEEK_BYTES])):
            return window
        window.drop(1)
    window.drop(len(window.held))
    return window


def _opens(compressed: bytes) -> bool:
    try:
        return begins_record(zlib.decompressobj(31).decompress(compressed, _PEEK_BYTES))
    except zlib.error:
        return False


def _frame_places(file: BinaryIO, magic: bytes, max_bytes: int) -> Iterator[Place]:
    """Two passes: fastwarc finds where frames begin, then each is read by itself."""
    starts = _frame_starts(file)
    for start, end in pairwise([*starts, file.seek(0, io.SEEK_END)]):
        file.seek(start)
        frame = io.BytesIO(file.read(end - start))
        yield from _part_places(_Frame(Lz4Reader(frame) if magic == LZ4 else ZstdReader(frame), start, end), max_bytes)


def _frame_starts(file: BinaryIO) -> list[int]:
    starts = {0: None}
    with suppress(OSError):  # what follows the last good frame is read as one, and found broken there
        starts.update((record.stream_pos, None) for record in ArchiveIterator(file, parse_http=False))
    return list(starts)
