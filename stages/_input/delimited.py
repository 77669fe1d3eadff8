"""Reads CSV and TSV files, row by row."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence

from interloom.pipeline.errors import Failure, until_broken
from interloom.pipeline.stage import Split
from interloom.stages._input.json_lines import Line, bounded_lines, open_decompressed

_COMPRESSED = ("", ".gz", ".zst")
DELIMITED_ENDINGS = tuple(f"{kind}{compression}" for kind in (".csv", ".tsv") for compression in _COMPRESSED)


def is_delimited(path: str) -> bool:
    """Returns whether the file's name ends as one of CSV or TSV, compressed or not."""
    return path.lower().endswith(DELIMITED_ENDINGS)


def read_delimited(split: Split, max_line_bytes: int) -> Iterator[Line]:
    """Yields the rows below the header, with its names; `offset` is the number of the row. A row with another number of fields
    than the header is an error.

    TSV files have tabs between fields. In CSV files it is the comma, or the semicolon if the header has no comma. Bytes that are
    not UTF-8 become U+FFFD.

    Parameters:
        split: The file.
        max_line_bytes: Longer lines are cut off, and longer fields are an error. Bytes.
    """
    for number, line in enumerate(until_broken(_rows(split, max_line_bytes))):
        yield Line(number, {}, f"broken file: {line.message}") if isinstance(line, Failure) else line


def _rows(split: Split, max_line_bytes: int) -> Iterator[Line]:
    with open_decompressed(split.path) as file:
        lines = (line.decode("utf-8", "replace") for _, line in bounded_lines(file, 0, None, max_line_bytes))
        first = next(lines, "").removeprefix("\ufeff")
        tabs = ".tsv" in split.path.lower().rpartition("/")[2]
        delimiter = "\t" if tabs else ";" if ";" in first and "," not in first else ","
        header: list[str] = next(iter(csv.reader([first], delimiter=delimiter)), [])
        csv.field_size_limit(max_line_bytes)
        rows = csv.reader(lines, delimiter=delimiter)
        number = 0
        while (row := _next_row(rows)) is not None:
            if row:
                yield _line(number, header, row)
                number += 1


def _next_row(rows: Iterator[list[str]]) -> list[str] | str | None:
    """The next row, None at the end, or in words what is wrong with it."""
    try:
        return next(rows, None)
    except csv.Error as error:
        return str(error)


def _line(number: int, header: Sequence[str], row: list[str] | str) -> Line:
    if isinstance(row, str):
        return Line(number, {}, f"broken row: {row}")
    if len(row) != len(header):
        return Line(number, {}, f"{len(row)} fields, but the header has {len(header)}")
    return Line(number, dict(zip(header, row, strict=True)))
