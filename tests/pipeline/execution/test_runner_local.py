"""The reference runner: units in order, each committed before it is said to have ended."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from interloom.pipeline.errors import FatalError
from interloom.pipeline.execution import run_unit
from interloom.pipeline.execution.driver import execute
from interloom.pipeline.execution.runner_local import LocalRunner
from interloom.pipeline.execution.units import FinishedPhases, enumerate_units
from interloom.pipeline.planning.phases import cut
from interloom.pipeline.planning.plan import Plan
from interloom.pipeline.store import commits, run_reader

R = TypeVar("R", bound=LocalRunner)


@pytest.fixture
def plan(planned: Callable[..., Plan], crawl: Callable[..., str]) -> Plan:
    for name in ("a", "b"):
        folder = Path(crawl([f"{name} text"], name)).parent
    return planned(("stages.read_documents", {"paths": str(folder / "[ab].jsonl")}), "stages.write_parquet")


def given_units(plan: Plan, runner: R) -> R:
    """The runner with the units of the first phase."""
    phase = cut(plan)[0]
    for unit in enumerate_units(phase, FinishedPhases(plan.run)):
        assert runner.submit(plan.run, phase, unit)
    return runner


def ended(plan: Plan) -> Iterator[Any]:
    """What becomes of the units of the first phase, as each ends."""
    runner = given_units(plan, LocalRunner())
    while outcomes := list(runner.wait()):
        yield from outcomes


def in_a_thread() -> bool:
    return threading.current_thread() is not threading.main_thread()


class Announcing(LocalRunner):
    """Sets `second_runs` when the second unit begins."""

    def __init__(self) -> None:
        super().__init__()
        self.second_runs, self._units = threading.Event(), 0

    def run_unit(self, run: str, phase: Any, unit: Any) -> Any:
        self._units += 1
        if self._units == 2:
            self.second_runs.set()
        return super().run_unit(run, phase, unit)


def test_units_end_in_order_each_with_its_commit_stored(plan: Plan) -> None:
    phase = cut(plan)[0]
    done = []
    for commit in ended(plan):
        done.append(commit.unit)
        assert commits.read_commit(plan.run, phase, commit.unit) == commit
    assert done == [unit.id for unit in enumerate_units(phase, FinishedPhases(plan.run))]


def test_a_unit_runs_while_the_commit_of_the_one_before_waits_for_the_disk(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    runner, waited, sync = given_units(plan, Announcing()), [], os.fsync

    def slow_sync(handle: int) -> None:
        if in_a_thread():
            waited.append(runner.second_runs.wait(20))
        sync(handle)

    monkeypatch.setattr(os, "fsync", slow_sync)
    assert len(list(runner.wait()) + list(runner.wait())) == 2
    assert waited == [True, True]


def test_closing_waits_for_commits_that_are_being_written(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    runner, reached, go_on, sync = given_units(plan, Announcing()), threading.Event(), threading.Event(), os.fsync

    def slow_sync(handle: int) -> None:
        if in_a_thread():
            reached.set()
            go_on.wait(20)
        sync(handle)

    monkeypatch.setattr(os, "fsync", slow_sync)
    unit = enumerate_units(cut(plan)[0], FinishedPhases(plan.run))[0]
    runner.run_unit(plan.run, cut(plan)[0], unit)
    assert reached.wait(20) and not commits.committed(plan.run, cut(plan)[0])
    threading.Timer(0.2, go_on.set).start()
    runner.close()
    assert list(commits.committed(plan.run, cut(plan)[0])) == [unit.id]


def test_a_commit_that_the_disk_does_not_take_fails_its_unit(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(handle: int) -> None:
        if in_a_thread():
            raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(os, "fsync", full_disk)
    monkeypatch.setattr(run_unit, "_FIRST_PAUSE_S", 0.0)
    messages = [outcome.message.partition(": '") for outcome in ended(plan)]
    assert [problem for problem, _, _ in messages] == ["UnitError: OSError: [Errno 28] no space left"] * 2
    assert all(file.endswith(".json'") for _, _, file in messages)
    assert commits.committed(plan.run, cut(plan)[0]) == {}


def test_a_yielded_commit_is_what_was_stored(plan: Plan) -> None:
    [first, second] = ended(plan)
    assert commits.committed(plan.run, cut(plan)[0]) == {first.unit: first, second.unit: second}


def test_a_unit_done_twice_stores_the_same_bytes(plan: Plan) -> None:
    first, second = (list(ended(plan)) for _ in range(2))
    assert [commit.files for commit in first] == [commit.files for commit in second]


@pytest.mark.slow
def test_a_document_whose_children_are_killed_is_quarantined_by_the_second_run(
    planned: Callable[..., Plan], crawl: Callable[..., str], tmp_path: Path
) -> None:
    for name, text in (("a", "good"), ("b", f"SIGKILL 99 {tmp_path}"), ("c", "good")):
        folder = Path(crawl([text], name)).parent
    source = ("stages.read_documents", {"paths": str(folder / "[abc].jsonl")})
    plan = planned(source, "meets_hostile", "stages.write_parquet", max_error_rate=0.5)
    message = (
        "1 of 3 units of read_documents failed; the first: the decoder was ended 3 times by SIGKILL while it worked on "
        r"document \w{32}; the same command tries again"
    )
    for _ in range(2):  # this process is one worker, however often it tries
        with pytest.raises(FatalError, match=f"^{message}$"):
            execute(plan, LocalRunner())
    second = [sys.executable, "-m", "interloom.jobs", "run", str(tmp_path / "recipe.yaml"), "--runner", "local"]
    assert subprocess.run(second, capture_output=True, timeout=120, check=False).returncode == 0
    [decision] = run_reader.decisions(plan.run)
    assert (decision["source_id"], decision["error"][:7]) == ("b-0", "killed:")
    assert len(list(tmp_path.glob("SIGKILL-*"))) == 9
