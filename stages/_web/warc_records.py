"""Splits a stream of WARC or ARC bytes into records and skips broken bytes between them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_ARC_LINE = rb"(?P<url>[a-zA-Z][\w+.-]*:[^\r\n]*?) (?P<ip>\S+) (?P<date>\d{8,20}) (?P<type>\S+)(?: \S+){0,5}? (?P<length>\S+)\r?$"
ARC_LINE = re.compile(rb"(?m)" + _ARC_LINE)
_HEAD = re.compile(rb"(?m)^(?:WARC/\d\.\d+\s*?$|" + re.sub(rb"\?P<\w+>", rb"?:", _ARC_LINE) + rb")")
_WARC_HEAD_END = re.compile(rb"\r*\n\r*\n")
_WARC_LENGTH = re.compile(rb"(?im)^content-length[ \t]*:[ \t]*(\d{1,18})[ \t]*\r*$")
_MAX_HEAD_BYTES = 1 << 20
"""The headers of a record are looked for in this many bytes. Our choice."""
_PEEK_BYTES = 8192
"""Bytes that are looked at to see whether a record begins. Our choice."""


class Window:
    """A moving part of a stream: `held` are the bytes of the stream from byte `start` on, as many as `fill` has read.

    `read` returns the next piece of the stream, b"" at its end.
    """

    def __init__(self, read: Callable[[], bytes], start: int = 0) -> None:
        self.read, self.start, self.held = read, start, bytearray()

    def fill(self, size: int) -> bool:
        """Reads until `size` bytes are held. Returns False if the stream ends before."""
        while len(self.held) < size:
            piece = self.read()
            if not piece:
                return False
            self.held += piece
        return True

    def drop(self, size: int) -> None:
        """Moves the beginning of the window forward by `size` bytes."""
        del self.held[:size]
        self.start += size

    def skip_blank_lines(self) -> None:
        while self.fill(1) and self.held[0] in b"\r\n":
            self.drop(len(self.held) - len(self.held.lstrip(b"\r\n")))


@dataclass(frozen=True, slots=True)
class Record:
    """The bytes of a record: its headers and its block. `start` and `size` are its position and length in the stream.

    With an `error`, the bytes from `start` on are not a record, and `block` is empty.
    """

    start: int
    size: int
    block: bytes
    error: str = ""


def records(window: Window, max_bytes: int) -> Iterator[Record]:
    """Yields the records of a stream, in order.

    A record is an error if no other record begins at its end and the stream does not end there. After an error, reading
    goes on at the next line that looks like the first line of a record.

    Parameters:
        window: The stream, at the beginning of a record.
        max_bytes: A record with a larger block is an error. Bytes.
    """
    while True:
        window.skip_blank_lines()
        if not window.fill(1):
            return
        start = window.start
        head, length = _head(window)
        if head and length <= max_bytes and _is_complete(window, head + length):
            yield Record(start, head + length, bytes(window.held[: head + length]))
            window.drop(head + length)
        else:
            error = _error(window, head, length, max_bytes)
            _seek_head(window, max(head, 1))
            yield Record(start, window.start - start, b"", error)


def begins_record(data: bytes) -> bool:
    """Returns whether a WARC or ARC record begins with these bytes."""
    return _HEAD.match(data.lstrip(b"\r\n")) is not None


def _head(window: Window) -> tuple[int, int]:
    """Returns the sizes of the record's headers and of its block; (0, 0) if no record begins here."""
    if not window.fill(_PEEK_BYTES) and not window.held:
        return 0, 0
    if not window.held.startswith(b"WARC/"):
        return _arc_head(window)
    end = _WARC_HEAD_END.search(window.held)
    while end is None and len(window.held) < _MAX_HEAD_BYTES and window.fill(len(window.held) + 1):
        end = _WARC_HEAD_END.search(window.held)
    length = _WARC_LENGTH.search(window.held, 0, end.end()) if end else None
    return (end.end(), int(length[1])) if end and length else (0, 0)


def _arc_head(window: Window) -> tuple[int, int]:
    line = ARC_LINE.match(window.held)
    if line is None or not line["length"].isdigit() or len(line["length"]) > 18:
        return 0, 0
    return line.end() + 1, int(line["length"])


def _is_complete(window: Window, size: int) -> bool:
    """Returns whether the stream ends after `size` bytes or another record begins there."""
    if not window.fill(size):
        return False
    window.fill(size + _PEEK_BYTES)
    follows = bytes(window.held[size : size + _PEEK_BYTES])
    return not follows.strip(b"\r\n") or begins_record(follows)


def _error(window: Window, head: int, length: int, max_bytes: int) -> str:
    if not head:
        return "no record begins here"
    if length > max_bytes:
        return f"too large: a block of {length} bytes, at most {max_bytes} are read"
    held = len(window.held) - head
    return f"truncated: {held} of {length} bytes" if held < length else f"wrong Content-Length: no record follows {length} bytes"


def _seek_head(window: Window, at: int) -> None:
    """Moves the window to the next first line of a record at or after byte `at` of the window, or to the end of the stream."""
    while (match := _HEAD.search(window.held, at)) is None:
        if len(window.held) > at + _PEEK_BYTES:
            window.drop(len(window.held) - _PEEK_BYTES)
        at = min(at, 1)
        if not window.fill(len(window.held) + 1):
            return window.drop(len(window.held))
    window.drop(match.start())
