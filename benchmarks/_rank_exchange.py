"""Runs the exchanges of `select_top` over stored sketches, and the phase that sorts the verdicts: `FOLDER RUNNER PARAMETERS`.

Prints in JSON how many verdicts there are, and how many objects and bytes units wrote and read.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import _ranked_rows
from interloom.pipeline.execution.driver import run_phases
from interloom.pipeline.execution.kinds.exchange import Unit
from interloom.pipeline.execution.phase_run import PhaseRun, Runner
from interloom.pipeline.execution.runner_local import LocalRunner
from interloom.pipeline.execution.runner_ray import RayRunner
from interloom.pipeline.execution.units import FinishedPhases, PhaseResults, enumerate_units
from interloom.pipeline.planning.phases import Phase, cut
from interloom.pipeline.planning.plan import Plan
from interloom.pipeline.store.commits import Commit
from interloom.pipeline.store.parts import StoredFile

WORKERS = 2


def run(plan: Plan, files: Sequence[StoredFile], runner: Runner) -> tuple[list[Phase], FinishedPhases]:
    """The phases that ran, and what they committed. `files` are the sketches of the plan's global step."""
    phases = cut(plan)
    ran = [phase for phase in phases if phase.kind in ("exchange", "verdicts")]
    above = {"read_documents", *(name for phase in ran for name in phase.sketched)}
    parts = tuple(StoredFile("documents", "", file.rows, 0, "") for file in files)
    finished = FinishedPhases(plan.run)
    for phase in phases:
        if phase.name in above:
            finished.phases[phase.name] = PhaseResults(phase, [Commit("rows", phase.name, {}, (*files, *parts))])
    run_phases([PhaseRun(plan, phase, finished, lambda progress: None) for phase in ran], runner)
    runner.close()
    return ran, finished


def traffic(phases: Sequence[Phase], finished: FinishedPhases) -> dict[str, int]:
    """Objects (files and commits) and bytes that were written; files or segments and bytes that were read, each pass once."""
    commits = [commit for phase in phases for commit in finished.commits(phase.name)]
    sizes = {file.path: file.size_bytes for results in finished.phases.values() for one in results.commits for file in one.files}
    read = [size for phase in phases for unit in _units(phase, finished) for size in _reads(unit, sizes)]
    return {
        "units": len(commits),
        "written": sum(1 + len(commit.files) for commit in commits),
        "written_bytes": sum(file.size_bytes for commit in commits for file in commit.files),
        "read": len(read),
        "read_bytes": sum(read),
    }


def _units(phase: Phase, finished: FinishedPhases) -> list[Unit]:
    committed = {commit.unit: commit for commit in finished.commits(phase.name)}
    return [unit for unit in enumerate_units(phase, finished, committed) if isinstance(unit, Unit)]


def _reads(unit: Unit, sizes: dict[str, int]) -> list[int]:
    segments = [*unit.segments, *(segment for found in unit.ranges for segment in found.segments)]
    return [*(sizes[ref.path] for ref in unit.tables), *(segment.size_bytes for segment in segments)]


def main() -> None:
    folder, runner, parameters = Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
    plan, files = _ranked_rows.plan(folder, parameters), _ranked_rows.sketches(folder)
    done = run(plan, files, LocalRunner() if runner == "local" else RayRunner(workers=WORKERS))
    verdicts = sum(file.rows for file in done[1].files([done[0][-2].name], "rows"))
    print(json.dumps({"behind": verdicts, **traffic(*done)}))


if __name__ == "__main__":
    main()
