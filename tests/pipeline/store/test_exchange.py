"""Rows come back sorted by key and order, each once, whatever files, batches and ranges they went through."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interloom.pipeline.errors import UnitError
from interloom.pipeline.store import checked_range, exchange
from interloom.pipeline.store.exchange import Range, Segment, SegmentWriter, by_range, read_segment
from interloom.pipeline.store.merging import merged, sorted_rows

Row = tuple[int, int]
keys = st.one_of(st.integers(0, 5), st.integers(0, (1 << 64) - 1))
rows = st.lists(st.tuples(keys, st.integers(0, 9)), max_size=30)


def table(pairs: Sequence[Row]) -> pa.Table:
    keys, order = pa.array([key for key, _ in pairs], pa.uint64()), pa.array([order for _, order in pairs], pa.int64())
    return pa.table({"key": keys, "order": order, "text": [f"{key}/{order}" for key, order in pairs]})


def pairs(tables: Sequence[pa.Table]) -> list[Row]:
    found = [row for one in tables for row in one.to_pylist()]
    assert all(row["text"] == f"{row['key']}/{row['order']}" for row in found)
    return [(row["key"], row["order"]) for row in found]


def stored(folder: Path, *files: Sequence[Row], level: int = 0) -> list[Range]:
    """Each list of rows as a file of segments; the ranges of all files."""
    segments: list[tuple[int, Segment]] = []
    for number, of_file in enumerate(files):
        writer = SegmentWriter(folder / str(number), level, ["order"])
        if of_file:
            writer.add(sorted_rows(table(of_file)))
        writer.close()
        segments += writer.at(str(number)).items()
    return by_range(level, segments)


@given(st.lists(rows, max_size=4), st.integers(0, 2))
@settings(max_examples=60)
def test_ranges_in_order_give_all_rows_in_order(
    tmp_path_factory: pytest.TempPathFactory, files: list[list[Row]], level: int
) -> None:
    folder = tmp_path_factory.mktemp("exchange")
    found = [one for range_ in stored(folder, *files, level=level) for one in range_.read(str(folder))]
    assert pairs(found) == sorted(row for of_file in files for row in of_file)


@given(st.lists(rows.map(sorted), max_size=4), st.integers(1, 4))
@settings(max_examples=100)
def test_sorted_streams_of_any_batches_merge_to_one_sorted_stream(streams: list[list[Row]], size: int) -> None:
    batches = [[table(stream[n : n + size]) for n in range(0, len(stream), size)] for stream in streams]
    assert pairs(list(merged(iter(stream) for stream in batches))) == sorted(row for stream in streams for row in stream)


def test_a_key_that_fills_many_batches_is_streamed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(exchange, "_BATCH_ROWS", 10)
    [heavy] = stored(tmp_path, [(7, n) for n in range(0, 200, 2)], [(7, n) for n in range(1, 200, 2)])
    sizes = [one.num_rows for one in heavy.read(str(tmp_path))]
    assert sum(sizes) == 200
    assert max(sizes) <= 20


def test_a_segment_knows_its_rows_keys_and_sums(tmp_path: Path) -> None:
    [low, high] = stored(tmp_path, [(3, 1), (1 << 63, 4), (5, 2)])
    assert [(one.number, one.rows, one.weight(0), one.first_key) for one in (low, high)] == [(0, 2, 3, 0), (32, 1, 4, 1 << 63)]
    assert (low.segments[0].first_key, low.segments[0].last_key) == (3, 5)


def test_some_columns_are_read_alone(tmp_path: Path) -> None:
    [only] = stored(tmp_path, [(3, 1)])
    assert [one.column_names for one in only.read(str(tmp_path), ["key", "order"])] == [["key", "order"]]


def test_a_flipped_bit_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    [only] = stored(tmp_path, [(3, 1)])
    whole = (tmp_path / "0").read_bytes()
    for place in (0, len(whole) // 2, len(whole) - 1):
        (tmp_path / "0").write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(UnitError, match=r"is damaged \(checksum of"):
            list(read_segment(str(tmp_path), only.segments[0]))


def test_a_segment_that_is_read_in_pieces_is_the_same_and_checked_before(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    [heavy] = stored(tmp_path, [(7, n) for n in range(200)])
    [segment], whole = heavy.segments, (tmp_path / "0").read_bytes()
    monkeypatch.setattr(checked_range, "WHOLE_BYTES", 50)
    assert pairs(list(heavy.read(str(tmp_path)))) == [(7, n) for n in range(200)]
    assert [one.column_names for one in heavy.read(str(tmp_path), ["key", "order"])] == [["key", "order"]]
    for place in (0, len(whole) // 2, len(whole) - 1):
        (tmp_path / "0").write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(UnitError, match=r"is damaged \(checksum of"):
            next(read_segment(str(tmp_path), segment))


@pytest.mark.parametrize(
    ("files", "keys", "size", "cut"), [(65, 1, 1, True), (64, 2, 1, False), (2, 2, 200, True), (2, 1, 200, False)]
)
def test_a_range_is_cut_if_it_is_in_too_many_files_or_too_large_with_several_keys(
    files: int, keys: int, size: int, cut: bool
) -> None:
    segments = tuple(Segment("f", 0, size << 20, 0, 1, 5, 4 + keys, (0,)) for _ in range(files))
    assert Range(0, 0, segments).must_be_cut(most_weight=1) is cut


def test_a_range_is_cut_if_it_weighs_too_much() -> None:
    segments = (Segment("f", 0, 1, 0, 2, 5, 6, (11,)),)
    assert [Range(0, 0, segments).must_be_cut(most_weight=most) for most in (10, 11)] == [True, False]
