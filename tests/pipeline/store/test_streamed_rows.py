"""Rows that steps of all documents read: by key, by part, by document."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from interloom.pipeline.exchange_rows import keys_of_parts
from interloom.pipeline.execution import levels
from interloom.pipeline.store.exchange import Range
from interloom.pipeline.store.parts import TableRef, UnitFolder
from interloom.pipeline.store.streamed_rows import SketchRows, SortedRows, read_verdicts


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[UnitFolder]:
    with closing(UnitFolder(str(tmp_path / "run"), "work/read-f/u")) as folder:
        yield folder


def ranges(folder: UnitFolder, rows: pa.Table) -> tuple[Range, ...]:
    return tuple(levels.ranges_at([levels.store_sorted(folder, 0, [rows])], 0))


def verdicts(folder: UnitFolder) -> tuple[Range, ...]:
    """Two verdicts on each document a and b of each of four parts."""
    rows = [{"part": part, "id": id_, "kept": kept} for part in range(4) for id_ in ("b", "a") for kept in "zy"]
    table = pa.Table.from_pylist(rows, pa.schema({"part": pa.int32(), "id": pa.string(), "kept": pa.string()}))
    keys = keys_of_parts(np.repeat(np.arange(4), 4), 4)
    return ranges(folder, table.append_column("key", pa.array(keys)).append_column("order", pa.array(np.zeros(16, np.int64))))


def test_verdicts_are_found_by_part_and_id(folder: UnitFolder) -> None:
    found = read_verdicts(folder.run, verdicts(folder), [1, 3])
    assert {part: sorted(ids) for part, ids in found.items()} == {1: ["a", "b"], 3: ["a", "b"]}
    assert found[3]["b"] == [{"part": 3, "id": "b", "kept": "y"}, {"part": 3, "id": "b", "kept": "z"}]


def test_no_verdicts_are_found_for_parts_without(folder: UnitFolder) -> None:
    assert read_verdicts(folder.run, verdicts(folder), [7]) == read_verdicts(folder.run, (), [0]) == {}


def test_sorted_rows_are_read_again_and_with_the_columns_that_are_asked_for(folder: UnitFolder) -> None:
    keys = pa.array([1, 1, 1 << 63], pa.uint64())
    rows = SortedRows(folder.run, ranges(folder, pa.table({"key": keys, "order": [0, 1, 0], "a": ["x", "y", "z"]})))
    for _ in range(2):
        assert [table.to_pydict() for table in rows.read(["a"])] == [{"a": ["x", "y"]}, {"a": ["z"]}]
    assert [table.column_names for table in rows.read()] == [["key", "order", "a"]] * 2
    assert rows.count == 3


def test_sketches_carry_their_part_and_nodes(folder: UnitFolder) -> None:
    for n in range(2):
        folder.store_table("sketch:x", f"x-{n}.parquet", pa.table({"a": [n, n], "b": ["u", "v"]}))
    refs = (TableRef(n + 5, file.path, file.rows, file.sha256, file.footer) for n, file in enumerate(folder.stored))
    rows = SketchRows(folder.run, tuple(refs))
    nodes = [[5 << 40, (5 << 40) + 1], [6 << 40, (6 << 40) + 1]]
    assert [table.to_pydict() for table in rows.read(["node", "a"])] == [
        {"node": some, "a": [n, n]} for n, some in enumerate(nodes)
    ]
    assert [table["part"].to_pylist() for table in rows.read()] == [[5, 5], [6, 6]]
    assert rows.count == 4
