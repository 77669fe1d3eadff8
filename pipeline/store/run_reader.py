"""Reads a run from its folder alone: plan, progress, funnel, decisions, documents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from interloom.pipeline.errors import ConfigError, described
from interloom.pipeline.execution import balance
from interloom.pipeline.execution.balance import Book, Books
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.planning.plan import PlannedStep
from interloom.pipeline.planning.recipe import suggestion
from interloom.pipeline.store import storage
from interloom.pipeline.store.commits import Commit, committed, files_of
from interloom.pipeline.store.parts import UNITS, read_json
from interloom.pipeline.store.tables import read_stored


def phases(run: str) -> list[Phase]:
    """The phases of the run's current plan. Raises ConfigError when there is no run."""
    try:
        return [Phase.from_json(phase) for phase in read_json(storage.join(run, "plan.json"))["phases"]]
    except (FileNotFoundError, NotADirectoryError):
        raise ConfigError(f"{run}: no run here (it has no plan.json)") from None
    except (ValueError, KeyError, TypeError) as error:
        problem = f"{run}/plan.json is broken ({described(error)})"
        raise ConfigError(f"{problem}; remove it, and `interloom run` writes it again") from None


def steps(run: str) -> list[PlannedStep]:
    """The run's steps in order."""
    return [PlannedStep.from_json(step) for step in read_json(storage.join(run, "plan.json"))["plan"]["steps"]]


def step_order(run: str) -> list[str]:
    """The keys of the run's steps in order. Raises ConfigError when there is no run."""
    phases(run)
    return [step["key"] for step in read_json(storage.join(run, "plan.json"))["plan"]["steps"]]


def check_step(run: str, step: str) -> None:
    """Raises ConfigError with the most similar name when the run has no such step, or when there is no run."""
    if step not in (steps := step_order(run)):
        raise ConfigError(f"{run} has no step '{step}'{suggestion(step, steps)}")


def progress(run: str) -> Iterator[tuple[Phase, list[Commit]]]:
    """Each phase with its commits so far, in the order of its units."""
    for phase in phases(run):
        done = committed(run, phase)
        yield phase, [done[unit] for unit in units(run, phase) or () if unit in done]


def units(run: str, phase: Phase) -> list[str] | None:
    """The ids of the phase's units; None before they are known. Raises ConfigError if their list is damaged."""
    path = storage.join(run, phase.folder, UNITS)
    try:
        ids = read_json(path)
    except FileNotFoundError:
        return None
    except ValueError:
        ids = None
    if not isinstance(ids, list) or not all(isinstance(unit, str) for unit in ids):
        raise ConfigError(f"{path} is broken; `interloom run` writes it again")
    return ids


def funnel(run: str) -> dict[str, Book]:
    """Books by step, in the order of the steps."""
    return in_step_order(run, balance.total(commit.books for _, done in progress(run) for commit in done))


def in_step_order(run: str, books: Books) -> dict[str, Book]:
    """The books in the order of the run's steps."""
    return {key: books[key] for key in step_order(run) if key in books}


def decisions(run: str) -> Iterator[dict[str, Any]]:
    """Every drop and quarantine: rows of `schemas.table.DECISIONS`."""
    for table in decision_tables(run):
        yield from table.to_pylist()


def decision_tables(run: str) -> Iterator[pa.Table]:
    """The same, a table for each unit that decided something."""
    for _, done in progress(run):
        yield from (read_stored(run, file) for file in files_of(done, "decisions"))


def scores(run: str) -> Iterator[pa.Table]:
    """Every score that a step gave: tables `schemas.columns.SCORE_ROWS`, one per unit that gave any."""
    for _, done in progress(run):
        yield from (read_stored(run, file) for file in files_of(done, "scores"))
