"""`run`: plans and executes a recipe, reports progress, and prints the funnel."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from interloom.jobs import _plan, _tables
from interloom.jobs._show import clean
from interloom.jobs._stopping import heed_signals
from interloom.pipeline.errors import ConfigError
from interloom.pipeline.execution import resources
from interloom.pipeline.execution.driver import execute, summary
from interloom.pipeline.execution.phase_run import Progress, ReportProgress, Runner


def run(recipe: str, settings: Sequence[str], runner: str, *, overwrite: bool = False, **options: Any) -> int:
    """Runs the recipe at this path and returns 0. `overwrite` lets sinks replace data of others; `options` are those of
    `make_runner`.

    Raises ConfigError (exit status 2) and other InterloomErrors (exit status 1).
    """
    cluster = (options.get("address") or os.environ.get("RAY_ADDRESS")) if runner == "ray" else None
    plan, text = _plan.planned(recipe, settings, None if cluster else resources.here(), overwrite=overwrite)
    for note in (note for step in plan.steps if step.shape == "source" for note in step.build().notes()):
        click.echo(clean(note), err=True)
    started = time.perf_counter()
    ready = make_runner(runner, **options)
    if cluster:
        _plan.check_cluster(recipe, settings, resources.reachable(cluster))
    with progress_reporter() as report:
        finished = execute(plan, ready, text, report)
    books = summary(finished)
    _tables.funnel(books)
    _tables.warnings(plan.run, plan.steps, books)
    click.echo(f"{plan.run}: done in {time.perf_counter() - started:.1f} s; every document and image is accounted for")
    return 0


def make_runner(name: str, address: str | None = None, workers: int | None = None, ray_logs: bool = False) -> Runner:
    """The runner `local` (this process) or `ray`.

    `address` is that of a Ray cluster, None to start Ray here; `workers` is the greatest number of workers of a phase;
    `ray_logs` shows Ray's own log lines. Raises ConfigError for options that the local runner does not have.
    """
    if name == "local":
        from interloom.pipeline.execution.runner_local import LocalRunner

        if address or (workers or 1) > 1:
            raise ConfigError("--runner local runs everything in this process; --address and --workers need --runner ray")
        return LocalRunner()
    from interloom.pipeline.execution.runner_ray import RayRunner

    runner = RayRunner(address, workers=workers, show_logs=ray_logs)
    heed_signals()  # Ray has put its own handlers in their place
    return runner


@contextmanager
def progress_reporter() -> Iterator[ReportProgress]:
    """Yields a function that shows progress: bars with documents per second and the remaining time if standard error is a
    terminal, otherwise a line for each finished phase."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _PhaseLines(console).report
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=console) as bars:
        yield _PhaseBars(bars).report


class _Rate:
    """Documents per second of one phase since its first report. Documents of units that an earlier run finished do not count."""

    def __init__(self, first: Progress) -> None:
        self._started, self._documents_before = time.perf_counter(), first.documents

    def text(self, progress: Progress) -> str:
        count, seconds = progress.documents - self._documents_before, time.perf_counter() - self._started
        return f"{count / seconds:,.0f} documents/s" if count and seconds > 0 else ""


class _PhaseBars:
    """A bar for each phase. The number of units may grow, because a phase begins before the phases above it are finished."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._phases: dict[str, tuple[TaskID, _Rate]] = {}

    def report(self, progress: Progress) -> None:
        if progress.note:
            self._bars.console.print(progress.note, markup=False, highlight=False)
        if progress.phase not in self._phases:
            task = self._bars.add_task(progress.phase, total=progress.units, rate="")
            self._phases[progress.phase] = task, _Rate(progress)
        task, rate = self._phases[progress.phase]
        self._bars.update(task, total=progress.units, completed=progress.done, rate=rate.text(progress))


class _PhaseLines:
    """A line for each phase, once its units are finished."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._rates: dict[str, _Rate] = {}

    def report(self, progress: Progress) -> None:
        if progress.note:
            self._console.print(progress.note, markup=False, highlight=False, soft_wrap=True)
        rate = self._rates.setdefault(progress.phase, _Rate(progress))
        if progress.complete:
            resumed = f"{progress.resumed} finished before" if progress.resumed else ""
            facts = [f"{progress.units} units", resumed, rate.text(progress)]
            self._console.print(f"{progress.phase}: {', '.join(filter(None, facts))}", highlight=False)
