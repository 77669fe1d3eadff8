"""Runs a recipe on a runner (`local`, `ray`) and kills (SIGKILL) the children of isolated steps while they work on a document,
once at some documents, twice at others. A profile hook watches for the calls; the code that runs is the real one."""

import os
import signal
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

from interloom.jobs import _plan
from interloom.pipeline.execution.driver import execute
from interloom.pipeline.execution.runner_local import LocalRunner
from interloom.pipeline.execution.runner_ray import RayRunner

ONE_IN: dict[str, int] = {"stages.extract_html": 16, "stages.decode_images": 6}


def kill_children(frame: Any, event: str, argument: Any) -> None:
    from interloom.pipeline.execution.sandbox import Sandbox

    if event != "call" or frame.f_code is not Sandbox._receive.__code__:
        return
    doc, sandbox = frame.f_back.f_locals["doc"], frame.f_locals["self"]
    step = sandbox._arguments[0]
    number = int(sha256(doc.id.encode()).hexdigest(), 16) % ONE_IN[step]
    for kill in range({0: 1, 1: 2}.get(number, 0)):
        try:
            (Path(os.environ["INTERLOOM_TEST_MARKS"]) / f"{step}-{number}-{kill}-{doc.id.replace('/', '_')}").touch(
                exist_ok=False
            )
        except FileExistsError:
            continue
        os.kill(frame.f_locals["child"].pid, signal.SIGKILL)
        return


def killing_work(run: str, phase: str, unit: str) -> str | None:
    from interloom.pipeline.execution.runner_ray import work

    sys.setprofile(kill_children)
    try:
        return work(run, phase, unit)
    finally:
        sys.setprofile(None)


class KillingRunner(RayRunner):
    work: ClassVar[Any] = staticmethod(killing_work)


if __name__ == "__main__":
    recipe, folder, runner = sys.argv[1:]
    plan, _ = _plan.planned(recipe, [f"run={folder}"], None)
    if runner == "ray":
        execute(plan, KillingRunner(workers=2))
    else:
        sys.setprofile(kill_children)
        execute(plan, LocalRunner())
        sys.setprofile(None)
