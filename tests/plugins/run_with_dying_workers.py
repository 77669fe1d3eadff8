"""Runs a recipe on Ray with workers that kill themselves (SIGKILL) once in every step of every phase, after its work and
before its unit's commit. A profile hook watches for the calls; the code that runs is the real one."""

import os
import signal
import sys
from pathlib import Path
from typing import Any, ClassVar

from interloom.jobs import _plan
from interloom.pipeline.execution.driver import execute
from interloom.pipeline.execution.runner_ray import RayRunner


def name_of(phase: dict[str, Any], unit: dict[str, Any]) -> str:
    """The step and the kind of phase; of an exchange its name, and whether the unit sends, cuts or meets."""
    if phase["kind"] not in ("exchange", "verdicts"):
        steps = phase["steps"] or phase["sketches"]
        return f"{steps[0]['key']}.{phase['kind']}" if steps else str(phase["name"])
    return f"{phase['name']}.{'send' if unit['tables'] else 'cut' if unit['segments'] else 'meet'}"


def dying_work(run: str, phase: str, unit: str) -> str | None:
    import json

    from interloom.pipeline.execution import run_unit
    from interloom.pipeline.execution.runner_ray import work

    marks = Path(os.environ["INTERLOOM_TEST_MARKS"])
    what = json.loads(phase)

    def die_once(name: str) -> None:
        try:
            (marks / name).touch(exist_ok=False)
        except FileExistsError:
            return
        os.kill(os.getpid(), signal.SIGKILL)

    def watch(frame: Any, event: str, argument: Any) -> None:
        if event != "return":
            return
        if frame.f_code.co_name == "run_step" and frame.f_locals["docs"]:
            die_once(frame.f_locals["step"].key)
        elif frame.f_code is run_unit.store_record.__code__:
            die_once(name_of(what, json.loads(unit)))

    sys.setprofile(watch)
    try:
        return work(run, phase, unit)
    finally:
        sys.setprofile(None)


class DyingRunner(RayRunner):
    work: ClassVar[Any] = staticmethod(dying_work)
    most_tries: ClassVar[Any] = {"worker": 100, "memory": 3, "node": 100}  # one unit goes through all steps and dies in each


if __name__ == "__main__":
    recipe, folder = sys.argv[1:]
    plan, _ = _plan.planned(recipe, [f"run={folder}"], None)
    execute(plan, DyingRunner(workers=2))
