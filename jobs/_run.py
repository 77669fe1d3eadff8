"""`run`: plan, execute with progress, show the funnel."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from interloom.jobs import _plan, _tables
from interloom.pipeline.errors import ConfigError
from interloom.pipeline.execution import resources
from interloom.pipeline.execution.driver import Progress, Runner, Tell, execute, summary


def run(recipe: str, settings: Sequence[str], runner: str, **means: Any) -> int:
    """Exit status 0, or raises what `jobs.__main__` turns into 1 or 2."""
    local = runner == "local" or means.get("address") is None
    plan, text = _plan.planned(recipe, settings, resources.here() if local else None)
    started = time.perf_counter()
    with telling() as tell:
        done = execute(plan, make_runner(runner, **means), text, tell)
    _tables.funnel(summary(done))
    click.echo(f"{plan.run}: done in {time.perf_counter() - started:.1f} s; the books balance")
    return 0


def make_runner(name: str, address: str | None = None, workers: int | None = None, ray_logs: bool = False) -> Runner:
    """The runner of that name."""
    if name == "local":
        from interloom.pipeline.execution.runner_local import LocalRunner

        if address or (workers or 1) > 1:
            raise ConfigError("--runner local is one process here; --address and --workers need --runner ray")
        return LocalRunner()
    from interloom.pipeline.execution.runner_ray import RayRunner

    return RayRunner(address, workers=workers, show_logs=ray_logs)


@contextmanager
def telling() -> Iterator[Tell]:
    """Shows progress: bars with documents per second and time left on a terminal, a line per phase elsewhere."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines(console).tell
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=console) as bars:
        yield _Bars(bars).tell


class _Rate:
    """Documents per second since the phase began, those found done left out."""

    def __init__(self) -> None:
        self.phase, self._started, self._from = "", 0.0, 0

    def begins(self, progress: Progress) -> bool:
        new = progress.phase != self.phase
        if new:
            self.phase, self._started, self._from = progress.phase, time.perf_counter(), progress.documents
        return new

    def words(self, progress: Progress) -> str:
        count, seconds = progress.documents - self._from, time.perf_counter() - self._started
        return f"{count / seconds:,.0f} documents/s" if count and seconds > 0 else ""


class _Bars:
    def __init__(self, bars: Bars) -> None:
        self._bars, self._rate = bars, _Rate()

    def tell(self, progress: Progress) -> None:
        if self._rate.begins(progress):
            self._task = self._bars.add_task(progress.phase, total=progress.units, rate="")
        self._bars.update(self._task, completed=progress.done, rate=self._rate.words(progress))


class _Lines:
    def __init__(self, console: Console) -> None:
        self._console, self._rate = console, _Rate()

    def tell(self, progress: Progress) -> None:
        self._rate.begins(progress)
        if progress.done == progress.units:
            resumed = f", {progress.resumed} done before" if progress.resumed else ""
            words = self._rate.words(progress)
            self._console.print(
                f"{progress.phase}: {progress.units} units{resumed}{', ' + words if words else ''}", highlight=False
            )
