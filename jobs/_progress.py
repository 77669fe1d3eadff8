"""The progress of a run: bars on a terminal, otherwise a line every half minute; a line of JSON for each unit; metrics of Ray."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from interloom.jobs import _unit_log
from interloom.pipeline.execution.phase_run import Progress, ReportProgress


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What is shown of a run: seconds between lines, a file for lines of JSON ("-" for standard output), only warnings and
    errors, a line for each unit."""

    every_s: float = 30.0
    log_json: str | None = None
    quiet: bool = False
    verbose: bool = False


@contextmanager
def reporter(shown: Shown, *, on_ray: bool = False) -> Iterator[ReportProgress]:
    """Yields a function that takes the progress of a run and shows it in all ways that were asked for."""
    console = Console(stderr=True)
    with ExitStack() as stack:
        reports: list[ReportProgress] = []
        if shown.log_json:
            reports.append(stack.enter_context(_unit_log.lines(shown.log_json)))
        if on_ray:
            from interloom.pipeline.execution.ray_metrics import Metrics

            reports.append(Metrics().count)
        if shown.quiet:
            reports.append(Notes(console).report)
        elif console.is_terminal:
            reports.append(stack.enter_context(_bars(console, verbose=shown.verbose)))
        else:
            reports.append(stack.enter_context(_lines(console, shown)))

        def report(progress: Progress) -> None:
            for each in reports:
                each(progress)

        yield report


class Rate:
    """Documents per second of one phase since its first report. Documents of units that an earlier run finished do not count."""

    def __init__(self, first: Progress) -> None:
        self._started, self._before = time.perf_counter(), first

    def text(self, progress: Progress) -> str:
        count, seconds = progress.documents - self._before.documents, time.perf_counter() - self._started
        return f"{count / seconds:,.0f} documents/s" if count and seconds > 0 else ""

    def left(self, progress: Progress) -> str:
        """The time that the units known so far will take, at the pace of those that were done: "about 1:40 h left"."""
        done, seconds = progress.done - self._before.done, time.perf_counter() - self._started
        return duration((progress.units - progress.done) * seconds / done) + " left" if done > 0 else ""


def duration(seconds: float) -> str:
    """Seconds for people: 40 -> "40 s", 100 -> "1:40 min", 6000 -> "1:40 h"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60}:{whole % 60:02d} min" if whole < 3600 else f"{whole // 3600}:{whole % 3600 // 60:02d} h"


class Notes:
    """Shows notes and, if `verbose`, a line for each unit."""

    def __init__(self, console: Console, *, verbose: bool = False) -> None:
        self._console, self._verbose = console, verbose

    def report(self, progress: Progress) -> None:
        if progress.note:
            self.print(progress.note)
        if self._verbose and progress.ended:
            self.print(_unit_log.text(progress.ended))

    def print(self, line: str) -> None:
        """Shows a line as it is."""
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def _bars(console: Console, *, verbose: bool) -> Iterator[ReportProgress]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=console) as bars:
        yield _PhaseBars(bars, Notes(bars.console, verbose=verbose)).report


class _PhaseBars:
    """A bar for each phase. The number of units may grow, because a phase begins before the phases above it are finished."""

    def __init__(self, bars: Bars, notes: Notes) -> None:
        self._bars, self._notes = bars, notes
        self._phases: dict[str, tuple[TaskID, Rate]] = {}

    def report(self, progress: Progress) -> None:
        self._notes.report(progress)
        if progress.phase not in self._phases:
            task = self._bars.add_task(progress.phase, total=progress.units, rate="")
            self._phases[progress.phase] = task, Rate(progress)
        task, rate = self._phases[progress.phase]
        self._bars.update(task, total=progress.units, completed=progress.done, rate=rate.text(progress))


@contextmanager
def _lines(console: Console, shown: Shown) -> Iterator[ReportProgress]:
    lines = PhaseLines(Notes(console, verbose=shown.verbose))
    ended = threading.Event()

    def repeat() -> None:
        while not ended.wait(shown.every_s):
            lines.tell()

    thread = threading.Thread(target=repeat, name="progress", daemon=True)
    thread.start()
    try:
        yield lines.report
    finally:
        ended.set()
        thread.join()


class PhaseLines:
    """A line for each phase once its units are finished, and for those at work whenever `tell` is called."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._rates: dict[str, Rate] = {}
        self._at_work: dict[str, Progress] = {}
        self._lock = threading.Lock()

    def report(self, progress: Progress) -> None:
        with self._lock:
            self._notes.report(progress)
            if progress.phase not in self._rates:
                self._rates[progress.phase] = Rate(progress)
            rate = self._rates[progress.phase]
            self._at_work[progress.phase] = progress
            if progress.complete:
                del self._at_work[progress.phase]
                resumed = f"{progress.resumed} finished before" if progress.resumed else ""
                facts = [f"{progress.units} units", resumed, rate.text(progress)]
                self._notes.print(f"{progress.phase}: {', '.join(filter(None, facts))}")

    def tell(self) -> None:
        """Shows how far each phase is that is at work."""
        with self._lock:
            for progress in self._at_work.values():
                rate = self._rates[progress.phase]
                documents = f"{progress.documents:,} documents" if progress.documents else ""
                facts = [f"{progress.done} of {progress.units} units", documents, rate.text(progress), rate.left(progress)]
                self._notes.print(f"{progress.phase}: {', '.join(filter(None, facts))}")
