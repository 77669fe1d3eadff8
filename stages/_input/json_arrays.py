"""Reads a JSON array of objects, or objects that go over several lines, one object at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from interloom.pipeline.errors import DocumentError, Failure, until_broken
from interloom.pipeline.stage import Split
from interloom.stages._input.json_lines import Line, open_decompressed

_SNIFFED_BYTES = 64 << 10
"""Bytes in which the first object of a file must end to be seen as a line. Our choice."""


def is_one_value(path: str) -> bool:
    """Returns whether a `.json` file is an array, or objects over several lines, and not JSON lines.

    A file that cannot be read counts as JSON lines, whose reader says what is wrong.
    """
    begins = next(until_broken(_beginning(path)), b"")
    if not isinstance(begins, bytes):
        return False
    text = begins.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith(b"["):
        return True
    line, newline, _ = text.partition(b"\n")
    return text.startswith(b"{") and bool(newline) and not line.rstrip().endswith(b"}")


def _beginning(path: str) -> Iterator[bytes]:
    with open_decompressed(path) as file:
        yield file.read(_SNIFFED_BYTES)


def read_json_values(split: Split, max_bytes: int) -> Iterator[Line]:
    """Yields the objects of the array, or the objects of the file; `offset` is the number of the object.

    What is broken ends the file, with an error. A file is never held in memory.

    Parameters:
        split: The file.
        max_bytes: A larger object is an error and ends the file. Bytes.
    """
    for number, value in enumerate(until_broken(_values(split, max_bytes))):
        if isinstance(value, Failure):
            yield Line(number, {}, f"broken JSON: {value.message}")
        elif isinstance(value, dict):
            yield Line(number, value)
        else:
            yield Line(number, {}, "not a JSON object")


def _values(split: Split, max_bytes: int) -> Iterator[object]:
    import ijson

    with open_decompressed(split.path) as file:
        bounded = _Bounded(file, max_bytes)
        is_array = bounded.begins_with_bracket()
        for value in ijson.items(bounded, "item" if is_array else "", use_float=True, multiple_values=not is_array):
            bounded.left = max_bytes
            yield value


class _Bounded:
    """A file of which only so many bytes are read until somebody sets `left` again."""

    def __init__(self, file: BinaryIO, max_bytes: int) -> None:
        self._file, self.left, self._first = file, max_bytes, b""
        self._max_bytes = max_bytes

    def begins_with_bracket(self) -> bool:
        """Looks at the first byte that is no white space; a byte order mark is skipped."""
        self._first = self._file.read(_SNIFFED_BYTES).removeprefix(b"\xef\xbb\xbf")
        return self._first.lstrip().startswith(b"[")

    def read(self, size: int = -1) -> bytes:
        """Returns the next bytes. Raises DocumentError if an object does not end."""
        if self.left < 0:
            raise DocumentError(f"too large: an object of more than {self._max_bytes} bytes")
        data, self._first = (self._first, b"") if self._first and size else (self._file.read(size), self._first)
        self.left -= len(data)
        return data
