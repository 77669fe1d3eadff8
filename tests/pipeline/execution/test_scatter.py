"""Documents reach their shards through sorted ranges: the same bytes however many packs, ranges and levels there are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interloom.pipeline.execution.kinds import assign, scatter, write
from interloom.pipeline.execution.units import FinishedPhases
from interloom.pipeline.store import exchange, merging

SINK = ("stages.write_webdataset", {"shard_size_bytes": 3000})


@pytest.fixture
def shards(run: Callable[..., FinishedPhases], crawl: Callable[..., str], tmp_path: Path) -> Callable[[], dict[str, bytes]]:
    """Runs 120 documents from six files into shards of 3 KB; the shards by name."""
    for name in "abcdef":
        crawl([f"{name} {'word ' * (n * 7 % 30)}{n}" for n in range(20)], name)
    numbers = iter(range(100))

    def make() -> dict[str, bytes]:
        place = tmp_path / f"run{next(numbers)}"
        run(("stages.read_documents", {"paths": str(tmp_path / "[a-f].jsonl")}), SINK, run=str(place))
        return {file.name: file.read_bytes() for file in (place / "write_webdataset").glob("*.tar")}

    return make


def levels(finished: FinishedPhases) -> list[int]:
    return [commit.result["level"] for commit in finished.commits("read_documents.scatter")]


def test_any_number_of_ranges_gives_the_same_shards(shards: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = shards()
    assert len(expected) > 10
    for bits in (1, 3, 8):
        monkeypatch.setattr(exchange, "LEVEL_BITS", bits)
        assert shards() == expected


def test_any_number_of_packs_and_levels_gives_the_same_shards(shards: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = shards()
    monkeypatch.setattr(scatter, "PACK_BYTES", 1)  # each part by itself
    assert shards() == expected
    monkeypatch.setattr(scatter, "RANGE_SIZE", 1)  # every range with two keys is cut
    assert shards() == expected
    monkeypatch.setattr(scatter, "RANGE_SIZE", 1 << 30)
    monkeypatch.setattr(exchange, "MOST_SEGMENTS", 2)  # files are merged by twos
    assert shards() == expected


def test_ranges_that_lie_in_too_many_files_are_cut_at_further_levels(
    run: Callable[..., FinishedPhases], crawl: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abcdef":
        crawl([f"{name} {n}" for n in range(20)], name)
    monkeypatch.setattr(scatter, "PACK_BYTES", 1)
    monkeypatch.setattr(exchange, "LEVEL_BITS", 1)
    monkeypatch.setattr(exchange, "MOST_SEGMENTS", 2)
    finished = run(("stages.read_documents", {"paths": str(tmp_path / "[a-f].jsonl")}), SINK)
    ranges = scatter.ranges(finished.commits("read_documents.scatter"))
    assert max(levels(finished)) >= 2
    assert sum(one.rows for one in ranges) == 120
    assert [one.first_key for one in ranges] == sorted({one.first_key for one in ranges})
    assert all(len(one.segments) <= 2 for one in ranges)


def test_small_batches_give_the_same_shards(shards: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = shards()
    monkeypatch.setattr(exchange, "_BATCH_ROWS", 1)
    monkeypatch.setattr(write, "_DOCUMENTS_AT_ONCE", 1)
    assert shards() == expected


def test_units_that_cut_shards_by_few_documents_give_the_same_shards(shards: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = shards()
    monkeypatch.setattr(assign, "UNIT_ROWS", 3)
    assert shards() == expected


def test_the_merge_holds_what_its_streams_hold_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a stream two batches are held, and a third while one goes out."""
    import pyarrow as pa

    asked: list[int] = []

    def stream() -> Any:
        for n in range(50):
            asked.append(n)
            yield pa.table({"key": pa.array([n], pa.uint64()), "order": pa.array([0], pa.int64())})

    for number, _ in enumerate(merging.merged([stream()])):
        assert len(asked) <= number + 3
