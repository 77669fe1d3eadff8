"""The reference runner: units in order, each committed before the next begins."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from interloom.pipeline.execution.runner_local import LocalRunner
from interloom.pipeline.execution.units import FinishedPhases, enumerate_units
from interloom.pipeline.planning.phases import cut
from interloom.pipeline.planning.plan import Plan
from interloom.pipeline.store import commits


@pytest.fixture
def plan(planned: Callable[..., Plan], crawl: Callable[..., str]) -> Plan:
    for name in ("a", "b"):
        folder = Path(crawl([f"{name} text"], name)).parent
    return planned(("stages.read_documents", {"paths": str(folder / "[ab].jsonl")}), "stages.write_parquet")


def test_units_are_committed_one_by_one_in_order(plan: Plan) -> None:
    phase = cut(plan)[0]
    units = enumerate_units(phase, FinishedPhases(plan.run, {}))
    done = []
    for commit in LocalRunner().run(plan.run, phase, units):
        done.append(commit.unit)
        assert sorted(commits.committed(plan.run, phase)) == sorted(done)
    assert done == [unit.id for unit in units]


def test_a_yielded_commit_is_what_was_stored(plan: Plan) -> None:
    phase = cut(plan)[0]
    [first, second] = LocalRunner().run(plan.run, phase, enumerate_units(phase, FinishedPhases(plan.run, {})))
    stored = commits.committed(plan.run, phase)
    assert stored == {first.unit: first, second.unit: second}


def test_a_unit_done_twice_stores_the_same_bytes(plan: Plan) -> None:
    phase = cut(plan)[0]
    units = enumerate_units(phase, FinishedPhases(plan.run, {}))
    first, second = (list(LocalRunner().run(plan.run, phase, units)) for _ in range(2))
    assert [commit.files for commit in first] == [commit.files for commit in second]
