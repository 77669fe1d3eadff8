"""`validate` and `plan`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

from interloom.pipeline.errors import FatalError
from interloom.pipeline.execution.resources import Capacity
from interloom.pipeline.execution.units import Done, enumerate_units
from interloom.pipeline.planning.phases import Phase, cut
from interloom.pipeline.planning.plan import Plan, make_plan
from interloom.pipeline.planning.recipe import read_recipe
from interloom.pipeline.store import commits, storage

ASSETS = Path(__file__).parent / "demo" / "assets"


def planned(recipe: str, settings: Sequence[str], capacity: Capacity | None) -> tuple[Plan, str]:
    """The checked plan and the recipe's text. Raises ConfigError with every problem found."""
    os.environ.setdefault("INTERLOOM_ASSETS", str(ASSETS))
    located, checked = read_recipe(recipe, settings)
    return make_plan(located, checked, capacity=capacity), storage.read(recipe).decode()


def target(cpus: float | None, gpus: float | None) -> Capacity | None:
    """The machine a recipe is meant for, as far as the user named it."""
    if cpus is None and gpus is None:
        return None
    return Capacity(cpus if cpus is not None else float("inf"), gpus if gpus is not None else float("inf"), "the cluster named")


def show(plan: Plan) -> None:
    """Phases with their steps, units where they are known, and notes of the steps."""
    done: Done | None = Done(plan.run, {})
    for phase in cut(plan):
        line, done = _progress(plan, phase, done)
        steps = " > ".join(step.use.rpartition(".")[2] for step in phase.steps) or "sketch"
        what = "" if phase.kind == "documents" else f" [{phase.kind}]"
        click.echo(f"{phase.name}{what}: {steps}\n    {line}{_cost(phase)}")
    for step in plan.steps:
        for note in step.build().notes():
            click.echo(f"{step.key}: {note}")


def _cost(phase: Phase) -> str:
    cost = phase.cost()
    gpus = f", {cost['gpus']:g} GPUs" if cost["gpus"] else ""
    return f"; a worker takes {cost['cpus']:g} CPUs{gpus}" + (f"; {cost['workers']} workers" if cost["workers"] else "")


def _progress(plan: Plan, phase: Phase, done: Done | None) -> tuple[str, Done | None]:
    """How far the phase is; units below an unfinished phase are not known yet."""
    if done is None:
        return "units follow from the phases above", None
    try:
        units = enumerate_units(phase, done)
    except FatalError as error:
        return str(error), None
    known = commits.committed(plan.run, phase)
    finished = [unit for unit in units if unit["id"] in known]
    if len(finished) < len(units):
        return f"{len(units)} units, {len(finished)} done", None
    done.enter(phase, units, known)
    return f"{len(units)} units, all done", done
