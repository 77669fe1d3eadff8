"""`run`: plans and executes a recipe, reports progress, and prints the funnel."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Any

import click

from interloom.jobs import _plan, _progress, _tables
from interloom.jobs._progress import Shown
from interloom.jobs._show import clean
from interloom.jobs._stopping import heed_signals
from interloom.pipeline.errors import ConfigError
from interloom.pipeline.execution import resources
from interloom.pipeline.execution.driver import execute, summary
from interloom.pipeline.execution.phase_run import Runner
from interloom.pipeline.store import manifest

DEFAULT = Shown()


def run(
    recipe: str, settings: Sequence[str], runner: str, *, overwrite: bool = False, shown: Shown = DEFAULT, **options: Any
) -> int:
    """Runs the recipe at this path and returns 0. `overwrite` lets sinks replace data of others; `shown` says what is shown of
    its progress; `options` are `wait_for_run_s` (how long to wait for another driver of the run) and those of `make_runner`.

    Raises ConfigError (exit status 2) and other InterloomErrors (exit status 1).
    """
    cluster = (options.get("address") or os.environ.get("RAY_ADDRESS")) if runner == "ray" else None
    plan, text = _plan.planned(recipe, settings, None if cluster else resources.here(), overwrite=overwrite)
    _plan.check_stored_input(recipe, settings, plan)
    notes = [note for step in plan.steps if step.shape == "source" for note in step.build().notes()]
    for note in [*_plan.doubts(recipe, settings), *notes]:
        click.echo(clean(note), err=True)
    started, wait_s = time.perf_counter(), options.pop("wait_for_run_s", 0.0)
    ready = make_runner(runner, **options)
    if cluster and not (options.get("wait_for_nodes_s") and resources.is_static()):
        _plan.check_cluster(recipe, settings, resources.reachable(cluster))
    with _progress.reporter(shown, on_ray=runner == "ray") as report:
        finished = execute(plan, ready, text, report, wait_s)
    books, seconds = summary(finished), time.perf_counter() - started
    lines_are_on_stdout = shown.log_json == "-"
    if not shown.quiet:
        _tables.funnel(books, on_stderr=lines_are_on_stdout)
    _tables.warnings(plan.run, plan.steps, books, on_stderr=lines_are_on_stdout)
    for phase in (results.phase for results in finished.phases.values() if results.phase.kind == "write"):
        _tables.strangers(manifest.target_of(plan, phase), manifest.strangers(plan, phase), on_stderr=lines_are_on_stdout)
    if not shown.quiet:
        end = f"{plan.run}: done in {seconds:.1f} s; every document and image is accounted for"
        click.echo(end, err=lines_are_on_stdout)
    return 0


def make_runner(
    name: str,
    address: str | None = None,
    workers: int | None = None,
    ray_logs: bool = False,
    wait_for_nodes_s: float | None = None,
) -> Runner:
    """The runner `local` (this process) or `ray`.

    `address` is that of a Ray cluster, None to start Ray here; `workers` is the greatest number of workers of a phase;
    `ray_logs` shows Ray's own log lines; `wait_for_nodes_s` is how long a phase waits for a node of the cluster. Raises
    ConfigError for options that the local runner does not have.
    """
    if name == "local":
        from interloom.pipeline.execution.runner_local import LocalRunner

        if address or (workers or 1) > 1:
            raise ConfigError("--runner local runs everything in this process; --address and --workers need --runner ray")
        return LocalRunner()
    from interloom.pipeline.execution.ray_nodes import WAIT_S
    from interloom.pipeline.execution.runner_ray import RayRunner

    wait_s = WAIT_S if wait_for_nodes_s is None else wait_for_nodes_s
    runner = RayRunner(address, workers=workers, wait_for_nodes_s=wait_s, show_logs=ray_logs)
    heed_signals()  # Ray has put its own handlers in their place
    return runner
