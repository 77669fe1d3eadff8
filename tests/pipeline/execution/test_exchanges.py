"""Global steps on exchanges: the same results however many packs, ranges, levels and tables there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from draws_words import DrawsWords

from interloom.pipeline.execution.kinds import exchange as kind
from interloom.pipeline.execution.kinds import verdicts
from interloom.pipeline.execution.units import FinishedPhases
from interloom.pipeline.store import exchange, run_reader
from interloom.pipeline.store.parts import StoredFile, TableRef
from interloom.pipeline.store.tables import read_table

TEXTS = {name: [f"common {'often ' * (n % 3)}word{(7 * n + at) % 31}" for n in range(20)] for at, name in enumerate("abcdef")}

NEAR_IMAGES = ("stages.dedup_image", {"key": "phash", "distance": 3, "at_most": 3, "keep": "first", "in_document": False})


@pytest.fixture
def go(run: Callable[..., FinishedPhases], crawl: Callable[..., str], tmp_path: Path) -> Any:
    """Runs 120 documents from six files through the steps; what is done, and the run's folder."""
    for name, texts in TEXTS.items():
        crawl(texts, name)
    numbers = iter(range(100))

    def make(*steps: Any) -> tuple[FinishedPhases, Path]:
        place = tmp_path / f"run{next(numbers)}"
        source = ("stages.read_documents", {"paths": str(tmp_path / "[a-f].jsonl")})
        return run(source, *steps, "stages.write_parquet", run=str(place)), place

    return make


CHOICES = (
    ("stages.select_top", {"of": "length", "share": 0.9}),
    {"use": "stages.select_top", "id": "by_label", "with": {"of": "length", "at_most": 50, "by": "first"}},
    {"use": "stages.select_top", "id": "drawn", "with": {"of": "random", "share": 0.8, "by": "domain"}},
)
"""Most texts have the same length, the label `first` of most documents is empty, and all have the same domain."""


def shards(go: Any) -> dict[str, bytes]:
    """What the steps that see all documents make of them."""
    steps = ("draws_words", NEAR_IMAGES, "counts_words", "stages.dedup_exact", "stages.dedup_url", "scores_length", *CHOICES)
    _, place = go(*steps)
    return {file.name: file.read_bytes() for file in (place / "write_parquet" / "data").glob("*.parquet")}


def labels(place: Path) -> list[dict[str, str]]:
    """The labels of each document; `source_id` is the id that it had in its file."""
    [table] = [pq.read_table(file, columns=["labels"]) for file in (place / "write_parquet" / "data").glob("*.parquet")]
    return [{label["name"]: label["value"] for label in row} for row in table["labels"].to_pylist()]


def firsts(place: Path) -> dict[str, str]:
    """The label that `counts_words` gave each document."""
    return {row["source_id"]: row["first"] for row in labels(place)}


def expected() -> dict[str, str]:
    texts = {f"{name}-{n}": text.split() for name, texts in TEXTS.items() for n, text in enumerate(texts)}
    counts = Counter(word for words in texts.values() for word in words)
    seen: set[str] = set()
    first = {}
    for id_, words in texts.items():
        first[id_] = " ".join(f"{word}:{counts[word]}" for word in sorted({*words} - seen))
        seen |= {*words}
    return first


def test_rows_of_a_key_meet_and_go_back_to_their_documents(go: Any) -> None:
    finished, place = go("counts_words")
    assert firsts(place) == expected()
    assert {name: len(finished.commits(f"counts_words.{name}")) for name in ("words", "said", "verdicts")} == {
        "words": 2,
        "said": 2,
        "verdicts": 1,
    }


@pytest.mark.parametrize("bits", [1, 3, 8])
def test_any_number_of_ranges_gives_the_same_shards(go: Any, monkeypatch: pytest.MonkeyPatch, bits: int) -> None:
    usual = shards(go)
    monkeypatch.setattr(exchange, "LEVEL_BITS", bits)
    assert shards(go) == usual


@pytest.mark.parametrize("name", ["PACK_BYTES", "MEET_BYTES", "RANGE_BYTES", "SKETCH_BYTES", "TABLE_BYTES"])
def test_any_size_of_units_and_tables_gives_the_same_shards(go: Any, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    usual = shards(go)
    monkeypatch.setattr(kind, name, 1)
    assert shards(go) == usual


def test_tables_are_sent_together_up_to_a_size_on_disk_and_in_memory() -> None:
    def packed(size_bytes: int, memory_bytes: int) -> list[int]:
        files = [StoredFile("rows", f"{n}", 1, size_bytes, "", memory_bytes=memory_bytes) for n in range(5)]
        return [len(pack) for pack in kind.packs(files)]

    assert packed(kind.PACK_BYTES // 2, 0) == [2, 2, 1]
    assert packed(1, kind.PACK_BYTES) == [2, 2, 1]
    assert packed(1, 2 * kind.PACK_BYTES) == [1, 1, 1, 1, 1]


def test_any_number_of_levels_gives_the_same_shards(go: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = shards(go)
    monkeypatch.setattr(kind, "PACK_BYTES", 1)  # each table by itself
    monkeypatch.setattr(exchange, "MOST_SEGMENTS", 2)  # files are merged by twos
    monkeypatch.setattr(exchange, "LEVEL_BITS", 1)
    monkeypatch.setattr(verdicts, "RANGE_BYTES", 1)
    monkeypatch.setattr(exchange, "_BATCH_ROWS", 1)
    assert shards(go) == usual


def kept_documents(place: Path) -> set[str]:
    return {row["source_id"] for row in labels(place)}


@pytest.mark.parametrize("cut", [False, True])
def test_a_meet_knows_the_place_of_its_rows_among_all(go: Any, monkeypatch: pytest.MonkeyPatch, cut: bool) -> None:
    """Units of one range each, of which the finest hold a single length, keep exactly the longest texts."""
    if cut:
        monkeypatch.setattr(kind, "PACK_BYTES", 1)
        monkeypatch.setattr(kind, "MEET_BYTES", 1)
        monkeypatch.setattr(kind, "RANGE_BYTES", 1)
        monkeypatch.setattr(exchange, "MOST_SEGMENTS", 2)
    lengths = {f"{name}-{n}": len(text) for name, texts in TEXTS.items() for n, text in enumerate(texts)}
    finished, place = go("scores_length", ("stages.select_top", {"of": "length", "at_most": 30}))
    kept = kept_documents(place)
    assert sorted(lengths[id_] for id_ in kept) == sorted(lengths.values())[-30:]
    meets = [commit for commit in finished.commits("select_top.ranks") if "segments" not in commit.result]
    assert len(meets) == (len({*lengths.values()}) if cut else 1)


def test_another_number_computes_no_sketch_again(go: Any, run: Any, tmp_path: Path) -> None:
    source = ("stages.read_documents", {"paths": str(tmp_path / "[a-f].jsonl")})
    for number in (30, 40):
        top = ("stages.select_top", {"of": "length", "at_most": number})
        run(source, "scores_length", top, "stages.write_parquet", run=str(tmp_path / "run"))
    phases = Counter(folder.name.rpartition("-")[0] for folder in (tmp_path / "run" / "work").glob("select_top.*"))
    assert (phases["select_top.sketch"], phases["select_top.ranks"]) == (1, 2)


def levels(finished: FinishedPhases, phase: str) -> list[int]:
    return [commit.result["level"] for commit in finished.commits(phase) if "level" in commit.result]


def test_a_heavy_key_is_merged_level_by_level(go: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kind, "PACK_BYTES", 1)
    monkeypatch.setattr(exchange, "MOST_SEGMENTS", 2)
    finished, place = go("counts_words")
    assert max(levels(finished, "counts_words.words")) == 2
    assert firsts(place) == expected()


def test_a_unit_below_reads_the_verdicts_of_few_parts(go: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdicts, "RANGE_BYTES", 1)
    finished, _ = go("counts_words")
    found = verdicts.FoundVerdicts.of("counts_words.verdicts", ["read_documents"], finished)
    ranges = [found.on([TableRef(part, "", 0, "")]) for part in range(6)]
    assert [len(some) for some in ranges] == [1, 1, 1, 0, 0, 0]  # all words are said in the first three
    assert len({one.first_key for some in ranges for one in some}) == 3


def test_near_images_meet_and_what_is_said_of_them_goes_back_to_their_documents(go: Any) -> None:
    _, place = go("draws_words", NEAR_IMAGES)
    texts = {f"{name}-{n}": text.split() for name, texts in TEXTS.items() for n, text in enumerate(texts)}
    hashes = [(id_, n, DrawsWords.phash(id_, word)) for id_, words in texts.items() for n, word in enumerate(words, 1)]
    expected = set()
    for number, (id_, position, one) in enumerate(hashes):
        near = [n for n, (_, _, other) in enumerate(hashes) if (one ^ other).bit_count() <= 3]
        expected |= {(id_, position)} if len(near) > 3 and near[0] < number else set()
    rows = run_reader.decisions(str(place))
    drops = {(row["source_id"], row["position"]) for row in rows if row["use"] == "stages.dedup_image"}
    assert drops == expected != set()


def test_without_documents_there_is_nothing_to_send(run: Any, crawl: Any) -> None:
    source = ("stages.read_documents", {"paths": crawl(["one"])})
    drop_all = ("filters.word_count", {"at_least": 5})
    finished = run(source, drop_all, "counts_words", "stages.dedup_exact", "stages.write_parquet")
    assert [file.rows for file in finished.files(["counts_words"], "documents")] in ([], [0])


def test_few_results_are_stored_in_few_tables(go: Any) -> None:
    finished, place = go("counts_words")
    files = kind.result_files("counts_words.words", finished)
    assert len(files) == 1
    assert read_table(str(place / files[0].path)).num_rows == 2 + 31
