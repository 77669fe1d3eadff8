"""The exchanges of a global step over sketches that a benchmark stored, and the phase that sorts the verdicts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from interloom.pipeline.execution.driver import run_phases
from interloom.pipeline.execution.kinds.exchange import Unit
from interloom.pipeline.execution.phase_run import PhaseRun, Runner
from interloom.pipeline.execution.units import FinishedPhases, PhaseResults, enumerate_units
from interloom.pipeline.planning.phases import Phase, cut
from interloom.pipeline.planning.plan import Plan, make_plan
from interloom.pipeline.planning.recipe import read_recipe
from interloom.pipeline.store import storage
from interloom.pipeline.store.commits import Commit
from interloom.pipeline.store.parts import StoredFile


def plan(folder: Path, use: str, parameters: Mapping[str, object]) -> Plan:
    """The plan of a recipe with this step, whose run is `folder/run`, where the sketches may be by now."""
    (folder / "run").mkdir(exist_ok=True)
    (folder / "run" / "plan.json").write_text('{"phases": []}')  # by which the folder is known to be a run's
    steps = [{"use": "benchmarks.stored_sketches"}, {"use": use, "with": dict(parameters)}, {"use": "stages.write_parquet"}]
    recipe = folder / "recipe.yaml"
    recipe.write_text(yaml.safe_dump({"name": "benchmark", "seed": 1, "run": str(folder / "run"), "steps": steps}))
    return make_plan(*read_recipe(str(recipe)))


def run(plan: Plan, files: Sequence[StoredFile], runner: Runner) -> tuple[list[Phase], FinishedPhases]:
    """The phases that ran, and what they committed. `files` are the sketches of the plan's global step."""
    phases = cut(plan)
    ran = [phase for phase in phases if phase.kind in ("exchange", "verdicts")]
    above = {"stored_sketches", *(name for phase in ran for name in phase.sketched)}
    parts = tuple(StoredFile("documents", "", file.rows, 0, "") for file in files)
    finished = FinishedPhases(plan.run)
    storage.write(storage.join(plan.run, "plan.json"), json.dumps(plan.to_json()).encode())  # by which workers know the run
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
    segments = [*unit.segments, *(segment for range_ in unit.ranges for segment in range_.segments)]
    return [*(sizes[ref.path] for ref in unit.tables), *(segment.size_bytes for segment in segments)]
