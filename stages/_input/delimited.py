"""Reads CSV and TSV files, row by row."""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, BinaryIO, cast

from interloom.pipeline.errors import DocumentError, Failure, until_broken
from interloom.pipeline.stage import Split
from interloom.stages._input.json_lines import Line, bounded_lines, open_decompressed

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_COMPRESSED = ("", ".gz", ".zst")
DELIMITED_ENDINGS = tuple(f"{kind}{compression}" for kind in (".csv", ".tsv") for compression in _COMPRESSED)


def is_delimited(path: str) -> bool:
    """Returns whether the file's name ends as one of CSV or TSV, compressed or not."""
    return path.lower().endswith(DELIMITED_ENDINGS)


def read_delimited(split: Split, max_line_bytes: int) -> Iterator[Line]:
    """Yields the rows below the header, with its names; `offset` is the number of the row. A row with another number of fields
    than the header is an error, and so is a line that is not UTF-8. Lines may end in carriage returns alone.

    TSV files have tabs between fields. In CSV files it is the comma, or the semicolon if the header has no comma. A quoted field
    may go over several lines. If a quote that opens a field is never closed, or other text follows the one that closes it, only
    the line with it is an error, and reading goes on at the next line. In TSV such a quote is a character like others if its
    line has as many fields as the header, and so has a line before the quote that closes it.

    Parameters:
        split: The file.
        max_line_bytes: Longer lines, and rows of several lines that are longer together, are errors. Bytes.
    """
    for number, line in enumerate(until_broken(_rows(split, max_line_bytes))):
        yield Line(number, {}, f"broken file: {line.message}") if isinstance(line, Failure) else line


def _rows(split: Split, max_line_bytes: int) -> Iterator[Line]:
    with open_decompressed(split.path) as file:
        head = cast(io.BufferedReader, file).peek(1)
        if b"\r" in head[:-1] and b"\n" not in head:
            file = io.BufferedReader(_WithNewlines(file))
        lines = _Lines((line for _, line in bounded_lines(file, 0, None, max_line_bytes)), max_line_bytes)
        first = lines.take()
        if isinstance(first, Failure):
            raise DocumentError(f"the header: {first.message}")
        header_line = (first or "").removeprefix("\ufeff")
        tabs = ".tsv" in split.path.lower().rpartition("/")[2]
        delimiter = "\t" if tabs else ";" if ";" in header_line and "," not in header_line else ","
        header: list[str] = next(iter(csv.reader([header_line], delimiter=delimiter)), [])
        if twice := next((name for n, name in enumerate(header) if name in header[:n]), None):
            raise DocumentError(f"two columns are called '{twice}'")
        csv.field_size_limit(max_line_bytes)
        number = 0
        while (row := _next_row(lines, delimiter, len(header))) is not None:
            if row:
                yield _line(number, header, row)
                number += 1


class _WithNewlines(io.RawIOBase):
    """A file whose lines end in carriage returns alone, as old spreadsheets write them, with newlines."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        data = self._file.read(len(view))
        view[: len(data)] = data.replace(b"\r", b"\n")
        return len(data)


class _Lines:
    """The lines of a file. What was read of a row that does not end is given back and read again."""

    def __init__(self, lines: Iterator[bytes], max_bytes: int) -> None:
        self._lines, self._max_bytes = lines, max_bytes
        self._again: deque[bytes] = deque()

    def take(self) -> str | Failure | None:
        """Returns the next line, None at the end, or why it cannot be read."""
        return self._text(line) if (line := self._next()) is not None else None

    def row_from(self, first: str, delimiter: str, not_fields: int = 0) -> tuple[list[str] | Failure, int]:
        """Returns the row that begins with this line, and how many lines it has. Of a row that cannot be read, the lines after
        the first are given back. None of them has `not_fields` fields, if its quotes are characters like others."""
        taken: list[bytes] = []
        lines = self._with_next(first, taken)
        lines = takewhile(lambda line: line is first or line.count(delimiter) != not_fields - 1, lines)
        try:
            row = next(csv.reader(lines, delimiter=delimiter, strict=True))
        except csv.Error as error:
            self.give_back(taken)
            return Failure(str(error)), 1
        self._taken = taken
        return row, 1 + len(taken)

    def give_back(self, lines: list[bytes] | None = None) -> None:
        """Makes these lines, or those of the last row without its first, the next ones."""
        self._again.extendleft(reversed(self._taken if lines is None else lines))

    def _with_next(self, first: str, taken: list[bytes]) -> Iterator[str]:
        yield first
        size = len(first)
        while size <= self._max_bytes and (line := self._next()) is not None:
            taken.append(line)
            size += len(line)
            text = self._text(line)
            if isinstance(text, Failure) or size > self._max_bytes:
                return
            yield text

    def _next(self) -> bytes | None:
        return self._again.popleft() if self._again else next(self._lines, None)

    def _text(self, line: bytes) -> str | Failure:
        if len(line) > self._max_bytes:
            return Failure(f"too large: a line of more than {self._max_bytes} bytes")
        try:
            return line.decode()
        except UnicodeDecodeError as error:
            return Failure(f"not UTF-8: {error}")


def _next_row(lines: _Lines, delimiter: str, fields: int) -> list[str] | Failure | None:
    """The next row, empty for an empty line, None at the end, or what is wrong with its line."""
    first = lines.take()
    if first is None or isinstance(first, Failure):
        return first
    is_full = delimiter == "\t" and first.count("\t") == fields - 1
    row, count = lines.row_from(first, delimiter, fields if is_full else 0)
    if is_full and (isinstance(row, Failure) or len(row) != fields):
        if count > 1:
            lines.give_back()
        return first.rstrip("\r\n").split("\t")
    if not isinstance(row, Failure) and count > 1 and len(row) != fields:
        lines.give_back()
        return Failure(f"a quote opens a field of {count} lines, after which the row has {len(row)} fields instead of {fields}")
    return row


def _line(number: int, header: Sequence[str], row: list[str] | Failure) -> Line:
    if isinstance(row, Failure):
        return Line(
            number, {}, row.message if row.message.startswith(("too large", "not UTF-8")) else f"broken row: {row.message}"
        )
    if len(row) != len(header):
        return Line(number, {}, f"{len(row)} fields, but the header has {len(header)}")
    return Line(number, dict(zip(header, row, strict=True)))
