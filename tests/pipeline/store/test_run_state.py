"""What is told of a run from its folder alone."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from interloom.jobs.__main__ import main
from interloom.pipeline.errors import ConfigError, FatalError
from interloom.pipeline.execution.driver import execute
from interloom.pipeline.execution.runner_local import LocalRunner
from interloom.pipeline.planning.plan import Plan
from interloom.pipeline.store import run_state
from interloom.pipeline.store.run_state import RunState, Watch

STEPS = ("filters.word_count", {"at_least": 2}), "stages.write_parquet"


@pytest.fixture
def plan(planned: Callable[..., Plan], tmp_path: Path) -> Plan:
    """A plan of four units of one document, one of which is dropped."""
    (tmp_path / "in").mkdir()
    for n, text in enumerate(["one two", "a b c", "short", "x y z"]):
        (tmp_path / "in" / f"{n}.jsonl").write_text(json.dumps({"text": text}) + "\n")
    return planned(("stages.read_documents", {"paths": str(tmp_path / "in")}), *STEPS)


class OneAfterTheOther(LocalRunner):
    """Begins a unit when the one before it is committed, so that what is there when a unit ends is known."""

    def run_unit(self, run: str, phase: Any, unit: Any) -> Any:
        done = super().run_unit(run, phase, unit)
        done.result()
        return done


def run_until(plan: Plan, look: Callable[[], RunState], when: int, *, fail: bool = False) -> RunState:
    """The state of a run when so many of its units have ended; the run then goes on, or fails."""
    seen: list[RunState] = []

    def report(progress: Any) -> None:
        if progress.phase == "read_documents" and progress.done == when and not seen:
            seen.append(look())
            if fail:
                raise FatalError("the disk is on fire")

    try:
        execute(plan, OneAfterTheOther(), report=report)
    except FatalError:
        assert fail
    return seen[0]


def lease_of(run: str) -> Path:
    return max(Path(run, "lease").iterdir())


def aged(run: str, seconds: float) -> None:
    """Makes all that a run wrote so many seconds older."""
    for file in [path for path in Path(run).rglob("*") if path.is_file()]:
        os.utime(file, (time.time() - seconds,) * 2)


def test_a_run_at_work_tells_its_units_rates_and_share(plan: Plan) -> None:
    state = run_until(plan, lambda: Watch(plan.run).look(), 2)
    first = state.phases[0]
    assert (state.word, state.reason.startswith("by `interloom run`, process")) == ("running", True)
    assert (first.name, first.done, first.units, first.documents) == ("read_documents", 2, 4, 2)
    assert first.documents_per_s == first.units_per_s > 0
    assert first.left_s is not None
    assert (state.phases[1].units, state.share) == (None, None)
    assert state.books["word_count"].documents.into == 2


def test_a_finished_run_is_done_whole_and_has_its_whole_funnel(plan: Plan) -> None:
    execute(plan, LocalRunner())
    state = Watch(plan.run).look()
    assert (state.word, state.reason, state.share) == ("done", "", 1.0)
    assert all(phase.is_complete and phase.left_s is None for phase in state.phases)
    assert state.books["word_count"].documents.dropped == {"too_few_words": 1}


def test_a_run_that_failed_tells_its_error_and_one_that_goes_on_no_more(plan: Plan) -> None:
    run_until(plan, lambda: Watch(plan.run).look(), 2, fail=True)
    state = Watch(plan.run).look()
    assert (state.word, state.reason) == ("failed", "the disk is on fire")
    execute(plan, LocalRunner())
    assert Watch(plan.run).look().word == "done"


def test_a_run_whose_driver_is_gone_has_failed(plan: Plan) -> None:
    run_until(plan, lambda: Watch(plan.run).look(), 2, fail=True)
    values = json.loads(lease_of(plan.run).read_text())
    lease_of(plan.run).write_text(json.dumps(values | {"released": False, "error": "", "host": "far", "process": ""}))
    aged(plan.run, 90)
    state = Watch(plan.run).look()
    assert state.word == "failed"
    assert state.reason.startswith("its driver is gone (`interloom run`, process ")
    assert state.reason.endswith("last heard of 90 s ago")


def test_a_run_that_commits_nothing_for_long_is_stalled_though_its_driver_lives(plan: Plan) -> None:
    def look() -> RunState:
        aged(plan.run, 700)
        os.utime(lease_of(plan.run))
        return Watch(plan.run).look()

    state = run_until(plan, look, 2)
    assert state.word == "stalled"
    assert state.reason.endswith("but no unit was committed for 700 s")
    assert round(state.last_commit_s or 0) == 700


def test_a_plan_that_was_changed_since_the_run_was_done_is_not_done(plan: Plan, planned: Any, tmp_path: Path) -> None:
    execute(plan, LocalRunner())
    other = planned(
        ("stages.read_documents", {"paths": str(tmp_path / "in")}),
        ("filters.word_count", {"at_least": 1}),
        "stages.write_parquet",
    )
    run_until(other, lambda: Watch(plan.run).look(), 2, fail=True)
    assert Watch(plan.run).look().word == "failed"


def test_commits_of_an_earlier_input_do_not_count(plan: Plan, planned: Any, tmp_path: Path) -> None:
    execute(plan, LocalRunner())
    (tmp_path / "in" / "0.jsonl").unlink()
    execute(planned(("stages.read_documents", {"paths": str(tmp_path / "in")}), *STEPS), LocalRunner())
    first = Watch(plan.run).look().phases[0]
    assert (first.done, first.units, first.documents) == (3, 3, 3)


def test_a_unit_that_has_lost_its_commit_is_not_done_when_it_is_looked_at_again(plan: Plan) -> None:
    execute(plan, LocalRunner())
    watch = Watch(plan.run)
    assert watch.look().phases[0].done == 4
    next(Path(plan.run).glob("work/read_documents-*/commits/*.json")).unlink()
    again = watch.look()
    assert (again.word, again.phases[0].done, again.books["read_documents"].documents.into) == ("failed", 3, 3)


def test_there_must_be_a_run(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no run here \(it has no plan.json\)"):
        Watch(str(tmp_path)).look()


def test_status_is_a_line_of_json_for_machines(plan: Plan) -> None:
    execute(plan, LocalRunner())
    [line] = CliRunner().invoke(main, ["status", plan.run, "--json"]).stdout.splitlines()
    state = json.loads(line)
    assert (state["state"], state["percent"], state["quarantined"]) == ("done", 100.0, 0)
    assert state["phases"][0] | {"seconds": 0} == {
        "phase": "read_documents",
        "done": 4,
        "units": 4,
        "documents": 4,
        "seconds": 0,
        "documents_per_s": state["phases"][0]["documents_per_s"],
        "left_s": None,
    }
    assert state["funnel"]["word_count"]["documents"]["dropped"] == {"too_few_words": 1}


def test_watching_ends_when_the_run_has_ended(plan: Plan) -> None:
    execute(plan, LocalRunner())
    told = CliRunner().invoke(main, ["status", plan.run, "--watch"]).stdout.splitlines()
    assert told[4].startswith(f"{plan.run}: done, last commit ")


def test_the_limit_of_a_stall_is_longer_than_the_longest_unit(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_state, "_LONGEST", 10**9)

    def look() -> RunState:
        aged(plan.run, 700)
        os.utime(lease_of(plan.run))
        return Watch(plan.run).look()

    assert run_until(plan, look, 2).word == "running"
