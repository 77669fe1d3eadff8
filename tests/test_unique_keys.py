"""Keys are unique over the whole output, whatever ids the input gives and however often it brings the same document."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import webdataset

from interloom.pipeline.execution.driver import summary
from interloom.pipeline.execution.units import FinishedPhases
from interloom.pipeline.store import naming

SINK = ("stages.write_webdataset", {"shard_size_bytes": 20_000})
Run = Callable[..., FinishedPhases]


def samples(done: FinishedPhases) -> list[tuple[str, dict[str, Any]]]:
    """The key and the JSON of each sample, as the package webdataset reads them; it refuses keys that repeat in a shard."""
    found = []
    for shard in sorted(Path(done.run, "write_webdataset").glob("*.tar")):
        with shard.open("rb") as file:
            members = webdataset.tariterators.tar_file_expander([{"url": str(shard), "stream": file}])
            read = list(webdataset.tariterators.group_by_keys(members))
        found += [(sample["__key__"], json.loads(sample["json"])) for sample in read]
    return found


def write_rows(file: Path, ids: list[str]) -> str:
    """Writes a row for each of these ids; the path."""
    file.parent.mkdir(parents=True, exist_ok=True)
    rows = [{"id": id_, "text": f"Text {n} of {file.parent.name}."} for n, id_ in enumerate(ids)]
    if file.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), file)
    else:
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(file)


def is_each_there_once(done: FinishedPhases, count: int) -> bool:
    """Whether there are so many samples, each with a key, an id and a text of its own."""
    read = samples(done)
    keys, ids = ({key for key, _ in read}, {record["id"] for _, record in read})
    return len(read) == len(keys) == len(ids) == count


@pytest.mark.parametrize("name", ["in/rows.jsonl", "in/rows.parquet"])
def test_rows_with_one_id_have_keys_of_their_own(run: Run, tmp_path: Path, name: str) -> None:
    done = run(("stages.read_documents", {"paths": write_rows(tmp_path / name, ["same"] * 300)}), "lifts", SINK)
    assert is_each_there_once(done, 300)
    assert Counter(record["labels"]["source_id"] for _, record in samples(done)) == {"same": 300}


def files_of(run: Run, tmp_path: Path, name: str, ids: list[str]) -> int:
    """How many files a run over rows with these ids leaves in its work folders."""
    paths = write_rows(tmp_path / name / "rows.jsonl", ids)
    done = run(("stages.read_documents", {"paths": paths}), "scores_length", SINK, run=str(tmp_path / f"run-{name}"))
    return sum(len(files) for _, _, files in os.walk(Path(done.run, "work")))


def test_equal_ids_leave_no_more_files_than_others(run: Run, tmp_path: Path) -> None:
    others = files_of(run, tmp_path, "others", [str(n) for n in range(3000)])
    assert files_of(run, tmp_path, "same", ["same"] * 3000) == others


def test_files_of_the_same_name_in_two_folders_have_keys_of_their_own(run: Run, tmp_path: Path) -> None:
    paths = [write_rows(tmp_path / name / "part-0.jsonl", ["1", "2"]) for name in ("a", "b")]
    done = run(("stages.read_documents", {"paths": paths}), SINK)
    assert is_each_there_once(done, 4)


def test_two_sources_that_read_files_of_the_same_name_have_keys_of_their_own(run: Run, tmp_path: Path) -> None:
    paths = {name: write_rows(tmp_path / name / "part-0.jsonl", ["1", "2"]) for name in ("a", "b")}
    reads = [{"use": "stages.read_documents", "id": name, "with": {"paths": path}} for name, path in paths.items()]
    done = run(*reads, {"use": SINK[0], "with": SINK[1], "from": ["a", "b"]})
    assert is_each_there_once(done, 4)
    assert {record["texts"][0] for _, record in samples(done)} == {f"Text {n} of {name}." for n in (0, 1) for name in "ab"}


@pytest.mark.parametrize("shard_size_bytes", [1000, 1 << 20])
def test_branches_that_join_at_a_sink_have_keys_of_their_own(run: Run, crawl: Any, shard_size_bytes: int) -> None:
    source = ("stages.read_documents", {"paths": crawl([f"Text {n}." for n in range(20)])})
    branches = [{"use": "lifts", "id": name, "from": "read_documents"} for name in ("left", "right")]
    sink = {"use": SINK[0], "with": {"shard_size_bytes": shard_size_bytes}, "from": ["left", "right"]}
    done = run(source, *branches, sink)
    assert is_each_there_once(done, 40)
    ids = [record["id"] for _, record in samples(done)]
    assert {id_ for id_ in ids if "#" in id_} == {f"{id_}#copy1" for id_ in ids if "#" not in id_}
    assert summary(done)["write_webdataset"].imbalance() == ""


def test_file_names_that_are_not_utf8_stop_nothing_and_are_told_apart(run: Run, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in (b"a\xff.jsonl", b"a\xfe.jsonl"):
        with open(os.fsencode(tmp_path / "in") + b"/" + name, "w") as file:
            file.write('{"text": "the same"}\n')
    assert is_each_there_once(run(("stages.read_documents", {"paths": str(tmp_path / "in")}), SINK), 2)


def test_an_id_that_many_rows_have_names_them_all(run: Run, tmp_path: Path) -> None:
    paths = write_rows(tmp_path / "in" / "rows.jsonl", ["same"] * 5)
    done = run(("stages.read_documents", {"paths": paths}), SINK)
    assert {doc.text for _, doc in naming.find(done.run, "same").documents} == {f"Text {n} of in." for n in range(5)}
