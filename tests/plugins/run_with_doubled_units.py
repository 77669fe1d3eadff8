"""Runs a recipe on Ray and gives each unit to two workers at once. A copy waits a while for the other one before it begins."""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from interloom.jobs import _plan
from interloom.pipeline.execution.driver import execute
from interloom.pipeline.execution.runner_ray import RayRunner
from interloom.pipeline.execution.units import Unit
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.store.commits import Commit, FailedUnit


def work_at_once(run: str, phase: str, unit: str) -> str | None:
    """The unit's marks are a folder with a file of each process that runs it."""
    import json

    from interloom.pipeline.execution.runner_ray import work

    marks = Path(os.environ["INTERLOOM_TEST_MARKS"]) / json.loads(unit)["id"]
    marks.mkdir(exist_ok=True)
    (marks / str(os.getpid())).touch()
    deadline = time.monotonic() + 10
    while len(list(marks.iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.001)
    return work(run, phase, unit)


class DoublingRunner(RayRunner):
    """Submits each unit twice and returns what the first copy that ends returned."""

    work: ClassVar[Any] = staticmethod(work_at_once)

    def submit(self, run: str, phase: Phase, unit: Unit) -> bool:
        return super().submit(run, phase, unit) and (super().submit(run, phase, unit) or True)

    def wait(self) -> Iterator[Commit | FailedUnit]:
        for outcome in super().wait():
            first = self._first.setdefault(outcome.unit, outcome)
            if first is outcome:
                yield outcome
            else:
                assert outcome == first, f"copies of a unit ended as {first} and {outcome}"

    def __init__(self) -> None:
        super().__init__(workers=4)
        self._first: dict[str, Commit | FailedUnit] = {}


if __name__ == "__main__":
    recipe, folder = sys.argv[1:]
    plan, _ = _plan.planned(recipe, [f"run={folder}"], None)
    execute(plan, DoublingRunner())
