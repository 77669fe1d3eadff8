"""One unit, committed once: the first commit stands, and everything that it names is there as it says."""

from __future__ import annotations

import hashlib
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interloom.pipeline.execution.run_unit import run_unit
from interloom.pipeline.execution.units import FinishedPhases, enumerate_units
from interloom.pipeline.planning.phases import cut
from interloom.pipeline.planning.plan import Plan
from interloom.pipeline.store.commits import Commit, FailedUnit, committed


@pytest.fixture
def plan(planned: Callable[..., Plan], crawl: Callable[..., str]) -> Plan:
    source = ("stages.read_documents", {"paths": crawl([f"text {n}" for n in range(5)])})
    return planned(source, "differs_each_time", "stages.write_parquet")


def run_again(plan: Plan) -> Any:
    [unit] = enumerate_units(cut(plan)[0], FinishedPhases(plan.run, {}))
    return run_unit(plan.run, cut(plan)[0], unit)


def stored_files(plan: Plan) -> dict[str, str]:
    """The sha256 of every file that lies in the units' folders, by path."""
    files = [file for file in (Path(plan.run) / "work").rglob("*") if file.is_file() and file.parent.name != "commits"]
    return {str(file.relative_to(plan.run)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_the_first_of_two_copies_with_different_outcomes_stands(plan: Plan) -> None:
    first, second = run_again(plan), run_again(plan)
    assert isinstance(first, Commit)
    assert second == first
    assert stored_files(plan) == {file.path: file.sha256 for file in first.files}
    assert {file.kind for file in first.files} == {"blob", "documents", "scores", "decisions"}


def test_a_unit_leaves_no_temporary_folder(plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    assert run_again(plan).files
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.parametrize("mended_after", [2, 3])
def test_a_unit_whose_storage_fails_is_tried_three_times(plan: Plan, monkeypatch: pytest.MonkeyPatch, mended_after: int) -> None:
    in_the_way, pauses = Path(plan.run) / "work", list[float]()

    def wait(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == mended_after:
            in_the_way.unlink()

    in_the_way.parent.mkdir(exist_ok=True)
    in_the_way.touch()
    monkeypatch.setattr(time, "sleep", wait)
    outcome = run_again(plan)
    assert [round(pause, 1) for pause in pauses] == [0.8, 3.2]
    assert isinstance(outcome, FailedUnit if mended_after == 3 else Commit)


@pytest.mark.slow
def test_of_many_copies_at_the_same_time_one_stands(plan: Plan) -> None:
    workers = [multiprocessing.get_context("fork").Process(target=run_again, args=(plan,)) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    [commit] = committed(plan.run, cut(plan)[0]).values()
    assert [worker.exitcode for worker in workers] == [0] * 8
    assert stored_files(plan) == {file.path: file.sha256 for file in commit.files}
