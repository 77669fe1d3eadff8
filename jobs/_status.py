"""`status`: how far a run is, from any machine that sees its folder."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import click
from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from interloom.jobs import _tables
from interloom.jobs._progress import duration
from interloom.jobs._show import clean
from interloom.pipeline.planning import own_code
from interloom.pipeline.store import run_reader
from interloom.pipeline.store.run_state import PhaseState, RunState, Watch


def status(run: str, *, as_json: bool = False, watch: bool = False, every_s: float = 5.0) -> None:
    """Prints the state of the run: a line for the run and for each phase, then the funnel so far; or JSON in one line. With
    `watch` again and again, until it has ended. Raises ConfigError if there is no run."""
    states = _states(run, every_s if watch else None)
    if as_json:
        for state in states:
            click.echo(json.dumps(state.to_json(), ensure_ascii=False))
        return
    if watch and Console().is_terminal:
        last = _shown_as_bars(states)
    else:
        for last in states:
            click.echo("\n".join(lines(last)))
    if quarantined := sum(book.documents.quarantined + book.images.quarantined for book in last.books.values()):
        click.echo(f"{quarantined:,} documents and images quarantined; `interloom errors {run}` lists them with their errors")
    _tables.funnel(last.books)
    own_code.load(run, next((phase.own_code for phase in run_reader.phases(run)), ""))
    _tables.warnings(run, run_reader.steps(run), last.books)


def _states(run: str, every_s: float | None) -> Iterator[RunState]:
    """The state now and, with `every_s`, until the run has ended."""
    watch = Watch(run)
    state = watch.look()
    yield state
    while every_s and state.word in ("running", "stalled"):
        time.sleep(every_s)
        state = watch.look()
        yield state


def lines(state: RunState) -> list[str]:
    """A line for each phase, and one for the run."""
    reason = f": {state.reason}" if state.reason else ""
    share = f", {100 * state.share:.0f} % of all units" if state.share is not None and state.word != "done" else ""
    age = f", last commit {duration(state.last_commit_s)} ago" if state.last_commit_s is not None else ""
    return [*map(_line, state.phases), clean(f"{state.run}: {state.word}{reason}{share}{age}")]


def _line(phase: PhaseState) -> str:
    count = "?" if phase.units is None else phase.units
    left = [f"about {duration(phase.left_s)} left"] if phase.left_s is not None else []
    return ", ".join(
        [f"{phase.name}: {phase.done} of {count} units finished", f"{phase.seconds:.1f} s of work", *_rate(phase), *left]
    )


def _rate(phase: PhaseState) -> list[str]:
    return [f"{phase.documents_per_s:,.0f} documents/s"] if phase.documents_per_s and not phase.is_complete else []


def _shown_as_bars(states: Iterator[RunState]) -> RunState:
    """A bar for each phase, until the run has ended; the last state."""
    bars = Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rest]}"))
    tasks = {}
    with Live(bars, refresh_per_second=4) as live:
        for state in states:
            for phase in state.phases:
                if phase.name not in tasks:
                    tasks[phase.name] = bars.add_task(phase.name, rest="")
                left = [f"{duration(phase.left_s)} left"] if phase.left_s is not None else []
                rest = "  ".join([*_rate(phase), *left])
                bars.update(tasks[phase.name], total=phase.units, completed=phase.done, rest=rest)
            live.refresh()
    click.echo(lines(state)[-1])
    return state
