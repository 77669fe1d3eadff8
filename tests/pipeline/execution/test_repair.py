"""A stored file that is gone or damaged is stored again by its unit, in the run that needs it, and the output is the same."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interloom.pipeline.errors import FatalError
from interloom.pipeline.execution import run_unit
from interloom.pipeline.execution.driver import execute
from interloom.pipeline.execution.phase_run import Progress
from interloom.pipeline.execution.runner_local import LocalRunner
from interloom.pipeline.planning.plan import Plan


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_unit, "_FIRST_PAUSE_S", 0.0)


@pytest.fixture
def plan(planned: Callable[..., Plan], crawl: Callable[..., str]) -> Callable[..., Plan]:
    """The plan of a run with pictures and a global step, with shards of this size."""

    def make(shard_size_bytes: int = 4000, **head: Any) -> Plan:
        source = ("stages.read_documents", {"paths": crawl([f"text number {n % 30}" for n in range(40)])})
        sink = ("stages.write_webdataset", {"shard_size_bytes": shard_size_bytes})
        return planned(source, "draws_pictures", "scores_length", "stages.dedup_exact", sink, **head)

    return make


@pytest.fixture
def expected(plan: Any, tmp_path: Path) -> dict[str, bytes]:
    """What a run without damage writes with the other shard size."""
    execute(plan(9000, run=str(tmp_path / "whole")), LocalRunner())
    return shards(tmp_path / "whole")


def shards(run: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in (run / "write_webdataset").iterdir() if file.is_file()}


def notes_of(plan: Plan, runner: LocalRunner | None = None) -> list[str]:
    """Runs the plan; what people are told meanwhile."""
    notes: list[str] = []

    def report(progress: Progress) -> None:
        notes.extend([progress.note] if progress.note else [])

    execute(plan, runner or LocalRunner(), report=report)
    return notes


def damage(file: Path, how: str) -> None:
    data = bytearray(file.read_bytes())
    if how == "gone":
        return file.unlink()
    data[random.Random(how).randrange(len(data))] ^= 4
    file.write_bytes(data[:-2] if how == "cut" else data)


@pytest.mark.parametrize("how", ["gone", "cut", "flipped"])
@pytest.mark.parametrize("files", ["read_documents-*/*/blob-*", "read_documents-*/*/documents-*", "*.scatter-*/*/exchange-*"])
def test_a_damaged_file_is_stored_again_and_named_with_its_unit(
    plan: Any, expected: dict[str, bytes], tmp_path: Path, files: str, how: str
) -> None:
    run = tmp_path / "run"
    execute(plan(), LocalRunner())
    file = next(run.glob(f"work/{files}"))
    before = file.read_bytes()
    damage(file, how)
    if "documents-*" in files:  # what reads them is gone, too
        for commit in run.glob("work/dedup_exact-*/commits/*"):
            commit.unlink()
    [note] = notes_of(plan(9000))
    phase, unit = file.parts[-3].rpartition("-")[0], file.parts[-2]
    assert note.startswith(f"{file} is damaged (")
    assert note.endswith(f"; unit {unit} of {phase} must store it again")
    assert file.read_bytes() == before
    assert shards(run) == expected


def test_a_run_of_which_many_files_are_gone_makes_them_again(plan: Any, expected: dict[str, bytes], tmp_path: Path) -> None:
    run = tmp_path / "run"
    execute(plan(), LocalRunner())
    for file in run.glob("work/*/*/*"):
        if "/commits/" not in str(file):
            file.unlink()
    assert len(notes_of(plan(9000))) >= 3
    assert shards(run) == expected


def test_a_disk_that_damages_everything_stops_the_run(plan: Any, tmp_path: Path) -> None:
    class Damaging(LocalRunner):
        def run_unit(self, run: str, phase: Any, unit: Any) -> Any:
            for file in Path(run).glob("work/read_documents-*/*/documents-*"):
                file.write_bytes(b"")
            return super().run_unit(run, phase, unit)

    with pytest.raises(FatalError, match=r"units of dedup_exact\.sketch failed; the first: .*documents-.* is damaged"):
        execute(plan(), Damaging())
    execute(plan(), LocalRunner())
    assert (tmp_path / "run/write_webdataset/manifest.json").exists()
