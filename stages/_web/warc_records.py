"""Finds the records in a stream of WARC or ARC bytes, whatever is wrong between them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_ARC_LINE = rb"(?P<url>[a-zA-Z][\w+.-]*:[^\r\n]*?) (?P<ip>\S+) (?P<date>\d{8,20}) (?P<type>\S+)(?: \S+){0,5}? (?P<length>\S+)\r?$"
ARC_LINE = re.compile(rb"(?m)" + _ARC_LINE)
_HEAD = re.compile(rb"(?m)^(?:WARC/\d\.\d+\s*?$|" + re.sub(rb"\?P<\w+>", rb"?:", _ARC_LINE) + rb")")
_WARC_HEAD_END = re.compile(rb"\r*\n\r*\n")
_WARC_LENGTH = re.compile(rb"(?im)^content-length:[ \t]*(\d{1,18})[ \t]*\r*$")
_MAX_HEAD_BYTES, _PEEK_BYTES = 1 << 20, 8192


class Window:
    """The bytes of a stream from `start` on, as many as were asked for; `read` gives the next piece, empty at the end."""

    def __init__(self, read: Callable[[], bytes], start: int = 0) -> None:
        self.read, self.start, self.held = read, start, bytearray()

    def fill(self, size: int) -> bool:
        """True if `size` bytes are held now."""
        while len(self.held) < size:
            piece = self.read()
            if not piece:
                return False
            self.held += piece
        return True

    def drop(self, size: int) -> None:
        del self.held[:size]
        self.start += size

    def skip_blank_lines(self) -> None:
        while self.fill(1) and self.held[0] in b"\r\n":
            self.drop(len(self.held) - len(self.held.lstrip(b"\r\n")))


@dataclass(frozen=True, slots=True)
class Record:
    """The bytes of a record from its head to the end of its block; `start` and `size` in the stream it was found in.
    `error` says why it is not one."""

    start: int
    size: int
    block: bytes
    error: str = ""


def records(window: Window, max_bytes: int) -> Iterator[Record]:
    """The records of a stream, in order. One that does not end where another begins (or the stream ends) is an error, and
    reading goes on at the next line that looks like a record's head."""
    while True:
        window.skip_blank_lines()
        if not window.fill(1):
            return
        start = window.start
        head, length = _head(window)
        if head and length <= max_bytes and _ends_well(window, head + length):
            yield Record(start, head + length, bytes(window.held[: head + length]))
            window.drop(head + length)
        else:
            error = _error(window, head, length, max_bytes)
            _seek_head(window, max(head, 1))
            yield Record(start, window.start - start, b"", error)


def begins_record(data: bytes) -> bool:
    """Whether a WARC or ARC record begins with these bytes."""
    return _HEAD.match(data.lstrip(b"\r\n")) is not None


def _head(window: Window) -> tuple[int, int]:
    """The sizes of the record's head and of its block; (0, 0) where no record begins."""
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


def _ends_well(window: Window, size: int) -> bool:
    """Whether after `size` bytes the stream ends or another record begins."""
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
    """Drops what comes before the next head at or after `at`; all when there is none."""
    while (found := _HEAD.search(window.held, at)) is None:
        if len(window.held) > at + _PEEK_BYTES:
            window.drop(len(window.held) - _PEEK_BYTES)
        at = min(at, 1)
        if not window.fill(len(window.held) + 1):
            return window.drop(len(window.held))
    window.drop(found.start())
