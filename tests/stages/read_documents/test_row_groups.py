"""Rows that are one document together, over the bounds of batches."""

from __future__ import annotations

import pyarrow as pa
import pytest

from interloom.pipeline.errors import Failure
from interloom.stages.read_documents.row_groups import grouped


def groups(*batches: str | None) -> list[tuple[int, str]]:
    """The groups of batches, each a string with a letter a row; None is a batch that cannot be read."""
    pieces, at = [], 0
    for batch in batches:
        pieces.append((at, Failure("broken") if batch is None else pa.table({"id": list(batch)})))
        at += len(batch or "")
    return [
        (first, rows.message if isinstance(rows, Failure) else "".join(rows["id"].to_pylist()))
        for first, rows in grouped(pieces, "id")
    ]


@pytest.mark.parametrize(
    ("batches", "expected"),
    [
        (["aab", "bb", "bc"], [(0, "aa"), (2, "bbbb"), (6, "c")]),
        (["abc"], [(0, "a"), (1, "b"), (2, "c")]),
        (["aa", "bb"], [(0, "aa"), (2, "bb")]),
        (["aba"], [(0, "a"), (1, "b"), (2, "a")]),
        ([], []),
    ],
)
def test_rows_with_one_value_come_together(batches: list[str], expected: list[tuple[int, str]]) -> None:
    assert groups(*batches) == expected


def test_next_to_broken_rows_groups_may_be_cut() -> None:
    assert groups("ab", None, "bc") == [
        (0, "a"),
        (2, "broken"),
        (1, "the rest of its group cannot be read"),
        (2, "the beginning of its group cannot be read"),
        (3, "c"),
    ]
