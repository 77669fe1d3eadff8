"""The reference runner: units in order, each committed before the next begins."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

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


def ended(plan: Plan) -> Iterator[Any]:
    """What becomes of the units of the first phase, as each ends."""
    runner, phase = LocalRunner(), cut(plan)[0]
    for unit in enumerate_units(phase, FinishedPhases(plan.run)):
        assert runner.submit(plan.run, phase, unit)
    while outcomes := list(runner.wait()):
        yield from outcomes


def test_units_are_committed_one_by_one_in_order(plan: Plan) -> None:
    phase = cut(plan)[0]
    done = []
    for commit in ended(plan):
        done.append(commit.unit)
        assert sorted(commits.committed(plan.run, phase)) == sorted(done)
    assert done == [unit.id for unit in enumerate_units(phase, FinishedPhases(plan.run))]


def test_a_yielded_commit_is_what_was_stored(plan: Plan) -> None:
    [first, second] = ended(plan)
    assert commits.committed(plan.run, cut(plan)[0]) == {first.unit: first, second.unit: second}


def test_a_unit_done_twice_stores_the_same_bytes(plan: Plan) -> None:
    first, second = (list(ended(plan)) for _ in range(2))
    assert [commit.files for commit in first] == [commit.files for commit in second]
