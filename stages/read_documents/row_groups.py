"""Puts rows of Parquet together that are one document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import groupby

import pyarrow as pa

from interloom.pipeline.errors import Failure, guarded

_CUT_OFF = Failure("the rest of its group cannot be read")
_BEGINS_BEFORE = Failure("the beginning of its group cannot be read")
Piece = tuple[int, pa.Table | Failure]
"""The number of the first row, and rows or why they cannot be read."""


def grouped(batches: Iterable[Piece], column: str) -> Iterator[Piece]:
    """Yields the rows that follow each other with the same value in a column, as one table each.

    What is next to rows that cannot be read may be a part of a group only, and is a Failure as well.
    """
    pending: list[pa.Table] = []
    at, value, is_whole = 0, None, True
    for first, rows in batches:
        runs = rows if isinstance(rows, Failure) else guarded(partial(_runs, rows, column))
        if isinstance(runs, Failure) or isinstance(rows, Failure):
            yield first, runs if isinstance(runs, Failure) else rows
            yield from [(at, _CUT_OFF)] if pending else []
            pending, is_whole = [], False
            continue
        for start, length, own in runs:
            if pending and own != value:
                yield from _closed(at, pending, is_whole)
                pending, is_whole = [], True
            at, value = (at if pending else first + start), own
            pending.append(rows.slice(start, length))
    if pending:
        yield from _closed(at, pending, is_whole)


def _runs(rows: pa.Table, column: str) -> list[tuple[int, int, object]]:
    """The runs of equal values in a column: first row, number of rows, value."""
    runs, start = [], 0
    for value, run in groupby(rows[column].to_pylist()):
        length = sum(1 for _ in run)
        runs.append((start, length, value))
        start += length
    return runs


def _closed(at: int, pieces: list[pa.Table], is_whole: bool) -> Iterator[Piece]:
    if is_whole:
        yield at, pa.concat_tables(pieces)
    else:
        yield at, _BEGINS_BEFORE
