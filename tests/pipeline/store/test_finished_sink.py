"""A run that is started again checks what it claims to have written: what is gone or has another size is written again, and
nothing else is touched. Data of others are known from its own even when the manifest was deleted."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interloom.pipeline.errors import ConfigError, FatalError
from interloom.pipeline.execution.driver import execute
from interloom.pipeline.execution.phase_run import Progress
from interloom.pipeline.execution.runner_local import LocalRunner
from interloom.pipeline.planning.plan import Plan
from interloom.pipeline.store import storage


@pytest.fixture
def plan(planned: Callable[..., Plan], crawl: Callable[..., str]) -> Callable[..., Plan]:
    def make(**more: Any) -> Plan:
        source = ("stages.read_documents", {"paths": crawl([f"text number {n}" for n in range(40)])})
        sink = {"shard_size_bytes": 4000, **({"to": more.pop("to")} if "to" in more else {})}
        return planned(source, ("stages.write_webdataset", sink), **more)

    return make


@pytest.fixture
def sink(plan: Any, tmp_path: Path) -> Path:
    """The folder of a finished sink."""
    execute(plan(), LocalRunner())
    return tmp_path / "run" / "write_webdataset"


def state(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Content of each file, and when it was written."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    return {str(file.relative_to(folder)): (file.read_bytes(), file.stat().st_mtime_ns) for file in files}


def again(plan: Plan) -> list[str]:
    """Runs the plan again; what people are told."""
    notes: list[str] = []

    def report(progress: Progress) -> None:
        notes.extend([progress.note] if progress.note else [])

    execute(plan, LocalRunner(), report=report)
    return notes


def test_a_finished_sink_is_not_touched(plan: Any, sink: Path) -> None:
    before = state(sink)
    assert again(plan()) == []
    assert state(sink) == before


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("shard-000002.tar", "is missing; unit .* of write_webdataset.write must write again"),
        ("shard-000002.tar.idx", "is missing; unit .* of write_webdataset.write must write again"),
        ("README.md", ""),
        ("manifest.json", ""),
        (".nv-meta/index.sqlite", ""),
    ],
)
@pytest.mark.parametrize("cut", [False, True])
def test_what_is_gone_or_cut_is_written_again(plan: Any, sink: Path, name: str, told: str, cut: bool) -> None:
    before = state(sink)
    if cut and name != "manifest.json":  # a cut manifest is a stranger's
        (sink / name).write_bytes(before[name][0][:3])
        told = told.replace("is missing", "has 3 bytes instead of .*")
    else:
        (sink / name).unlink()
    notes = again(plan())
    after = state(sink)
    assert {name: content for name, (content, _) in after.items()} == {name: content for name, (content, _) in before.items()}
    assert len(notes) == bool(told)
    if told:
        assert notes[0].startswith(f"{sink}/{name} ")
    shards = {name for name in before if name.startswith("shard-")}
    rewritten = {name for name in shards if before[name][1] != after[name][1]}
    assert rewritten == ({"shard-000002.tar", "shard-000002.tar.idx"} if name.startswith("shard-") else set())


@pytest.mark.parametrize(
    ("content", "told"), [(b"mine", "has 4 bytes instead of [0-9]+"), (None, "is missing")], ids=["changed", "removed"]
)
def test_a_shard_that_changes_while_the_run_writes_is_told_and_written_by_the_next_run(
    plan: Any, tmp_path: Path, content: bytes | None, told: str
) -> None:
    sink = tmp_path / "run" / "write_webdataset"

    def interfere(progress: Progress) -> None:
        if progress.phase == "write_webdataset.write" and progress.complete:
            (sink / "shard-000001.tar").write_bytes(content) if content else (sink / "shard-000001.tar").unlink()

    with pytest.raises(FatalError, match=f"shard-000001.tar {told}, although this run has just written it; run again"):
        execute(plan(), LocalRunner(), report=interfere)
    assert not (sink / "manifest.json").exists()
    execute(plan(), LocalRunner())
    assert (sink / "shard-000001.tar").stat().st_size > 4
    assert (sink / "manifest.json").exists()


def test_a_sink_whose_folder_was_deleted_is_written_again_in_one_line(plan: Any, sink: Path) -> None:
    before = state(sink)
    shutil.rmtree(sink)
    [note] = again(plan())
    assert "more units must write again" in note
    assert {name: content for name, (content, _) in state(sink).items()} == {
        name: content for name, (content, _) in before.items()
    }


def test_without_its_manifest_and_with_a_cut_shard_a_dataset_is_still_the_runs_own(plan: Any, sink: Path) -> None:
    before = state(sink)
    (sink / "manifest.json").unlink()
    (sink / "shard-000001.tar").write_bytes(b"")
    assert len(again(plan())) == 1
    assert state(sink)["manifest.json"][0] == before["manifest.json"][0]


@pytest.mark.parametrize("text", [b"", b"{", b"[]"])
def test_a_damaged_manifest_is_written_again(plan: Any, sink: Path, text: bytes) -> None:
    before = state(sink)
    (sink / "manifest.json").write_bytes(text)
    again(plan())
    assert state(sink)["manifest.json"][0] == before["manifest.json"][0]


@pytest.mark.parametrize("name", ["notes.txt", "shard-000099.tar"])
def test_a_folder_without_a_manifest_that_holds_a_strangers_file_is_refused(plan: Any, sink: Path, name: str) -> None:
    (sink / "manifest.json").unlink()
    (sink / name).write_text("mine")
    with pytest.raises(ConfigError, match="holds data that this run did not write"):
        plan()


def test_another_runs_dataset_without_its_manifest_is_refused(plan: Any, tmp_path: Path) -> None:
    target = tmp_path / "out"
    execute(plan(to=str(target), seed=1), LocalRunner())
    shutil.rmtree(target)
    execute(plan(to=str(target), seed=2, run=str(tmp_path / "second")), LocalRunner())
    (target / "manifest.json").unlink()
    with pytest.raises(ConfigError, match="holds data that this run did not write"):
        plan(to=str(target), seed=1)


def test_a_copy_of_a_run_does_not_write_where_the_original_writes(plan: Any, tmp_path: Path) -> None:
    target = tmp_path / "out"
    execute(plan(to=str(target)), LocalRunner())
    shutil.copytree(tmp_path / "run", tmp_path / "copy")
    with pytest.raises(ConfigError, match=rf"belongs to the run {tmp_path}/run, of which {tmp_path}/copy is a copy; choose"):
        plan(to=str(target), run=str(tmp_path / "copy"))
    shutil.rmtree(tmp_path / "run")  # it was moved, then
    assert again(plan(to=str(target), run=str(tmp_path / "copy"))) == []


def test_a_finished_sink_in_s3_is_checked_too(plan: Any, s3: str) -> None:
    run = f"{s3}/finished"
    execute(plan(run=run), LocalRunner())
    folder = f"{run}/write_webdataset"
    before = {file.path: storage.read(file.path) for file in storage.glob(folder + "/")}
    storage.remove(f"{folder}/shard-000000.tar")
    storage.write(f"{folder}/shard-000001.tar", b"cut")
    storage.remove(f"{folder}/manifest.json")
    assert len(again(plan(run=run))) == 1
    assert {file.path: storage.read(file.path) for file in storage.glob(folder + "/")} == before
