"""`validate` and `plan`: checks a recipe, and shows its phases."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from interloom.pipeline.cost import UNIT_COST_S, Cost, total
from interloom.pipeline.errors import AccessError, ConfigError, FatalError, in_a_line
from interloom.pipeline.execution import resources
from interloom.pipeline.execution.resources import Capacity
from interloom.pipeline.execution.units import FinishedPhases, enumerate_units
from interloom.pipeline.planning import plugins
from interloom.pipeline.planning.brings_check import doubt_brought
from interloom.pipeline.planning.capacity_check import check_capacity
from interloom.pipeline.planning.phases import Phase, cut
from interloom.pipeline.planning.plan import Plan, PlannedStep, make_plan, outline
from interloom.pipeline.planning.recipe import Problems, read_recipe
from interloom.pipeline.planning.sink_targets import refusal
from interloom.pipeline.stage import Sink, Source
from interloom.pipeline.store import commits, storage
from interloom.pipeline.store.shards import sink_folder

ASSETS = Path(__file__).parent / "demo" / "assets"


def planned(recipe: str, settings: Sequence[str], capacity: Capacity | None, *, overwrite: bool = False) -> tuple[Plan, str]:
    """The checked plan of the recipe at this path, and the recipe's text; `overwrite` lets sinks replace data of others. Raises
    ConfigError with all problems of the recipe."""
    os.environ.setdefault("INTERLOOM_ASSETS", str(ASSETS))
    located, checked = read_recipe(recipe, settings)
    return make_plan(located, checked, capacity=capacity, overwrite=overwrite), located.text


def outlined(recipe: str, settings: Sequence[str], capacity: Capacity | None) -> Plan:
    """The plan of the recipe, without a look at what only the machines of the run may have. Raises ConfigError as `planned`."""
    located, checked = read_recipe(recipe, settings)
    return outline(located, checked, capacity)


def too_large_for_here(recipe: str, settings: Sequence[str]) -> list[str]:
    """A line for each step that asks for more than this machine has."""
    located, checked = read_recipe(recipe, settings)
    problems = Problems(located)
    check_capacity(checked, resources.here(), problems)
    return [f"note: {line}; --cpus and --gpus describe the cluster on which it will run" for line in problems.lines]


def doubts(recipe: str, settings: Sequence[str]) -> list[str]:
    """A line for each thing that may be a mistake, though it need not be one."""
    located, checked = read_recipe(recipe, settings)
    problems = Problems(located)
    doubt_brought(checked, problems)
    return [f"note: {line}" for line in problems.lines]


def check_stored_input(recipe: str, settings: Sequence[str], plan: Plan) -> None:
    """Raises ConfigError with each source that has nothing to read at a path in object storage, where `planned` did not look."""
    located, checked = read_recipe(recipe, settings)
    problems = Problems(located)
    sources = [step for step in plan.steps if step.shape == "source"]  # in the order of their lines
    lines = [n for n, line in enumerate(checked.steps) if plugins.find(line.use).shape == "source"]
    for n, step in zip(lines, sources, strict=True):
        paths = step.parameters.get("paths") or ()
        if any(map(storage.is_remote, [paths] if isinstance(paths, str) else paths)):
            try:
                step.build_as(Source).splits()
            except ConfigError as error:
                problems.add(("steps", n, "with", "paths"), f"{step.use}: {in_a_line(error)}")
    problems.raise_if_any()


def check_cluster(recipe: str, settings: Sequence[str], capacity: Capacity | None) -> None:
    """Raises ConfigError if a step of the recipe asks for what the cluster does not have; None: nobody knows what it can have."""
    located, checked = read_recipe(recipe, settings)
    problems = Problems(located)
    if capacity is not None:
        check_capacity(checked, capacity, problems)
    problems.raise_if_any()


def target(cpus: float | None, gpus: float | None) -> Capacity | None:
    """The cluster that the user described; a number that was not given counts as unlimited. None if neither was given."""
    if cpus is None and gpus is None:
        return None
    return Capacity(
        cpus if cpus is not None else float("inf"), gpus if gpus is not None else float("inf"), "the cluster you named"
    )


def show(plan: Plan) -> None:
    """Prints the phases with their steps, their units as far as they are known, and the notes of the steps."""
    done = FinishedPhases(plan.run)
    for phase in cut(plan):
        line = _progress(phase, done)
        steps = " > ".join(step.use.rpartition(".")[2] for step in phase.steps) or "sketch"
        kind = "" if phase.kind == "documents" else f" [{phase.kind}]"
        click.echo(f"{phase.name}{kind}: {steps}\n    {line}{_needs(phase)}")
        for step in phase.steps if phase.kind == "documents" else ():
            if step.attributes.cost != Cost():
                click.echo(f"    {_cut_by_cost(phase, step)}")
    for step in plan.steps:
        for note in step.build().notes():
            click.echo(f"{step.key}: {note}")


def refusals(plan: Plan) -> Iterator[str]:
    """A line for each sink to whose folder `run` would not write."""
    for step in plan.steps:
        if step.shape == "sink" and (problem := _refusal(plan.run, sink_folder(plan.run, step.key, step.build_as(Sink)))):
            yield f"note: `run` would refuse {step.key}: {problem}"


def _refusal(run: str, target: str) -> str:
    try:
        return refusal(run, target)
    except AccessError as error:  # to a store that does not let us in a run would not write either
        return in_a_line(error)


def _needs(phase: Phase) -> str:
    needs = phase.needs()
    gpus = f", {needs.gpus:g} GPUs" if needs.gpus else ""
    return f"; a worker takes {needs.cpus:g} CPUs{gpus}" + (f"; {needs.workers} workers" if needs.workers else "")


def _cut_by_cost(phase: Phase, step: PlannedStep) -> str:
    """What a step's documents cost, and whether that decides where units end: a source cuts its input before it knows."""
    if phase.inputs:
        return f"units are cut by the cost of {step.key}: {step.attributes.cost}, about {UNIT_COST_S:g} s each"
    return f"units are splits of the input; the cost of {step.key}: {step.attributes.cost}"


def _progress(phase: Phase, done: FinishedPhases) -> str:
    """How many units the phase has, as far as that is known, and how many are finished. If all are, the phase is added to `done`;
    so branches of a recipe do not hide each other's units."""
    if not done.are_complete([*phase.inputs, *phase.awaits]):
        return "units are known once the phases above are finished"
    known = commits.committed(done.run, phase)
    try:
        units = enumerate_units(phase, done, known)
    except FatalError as error:
        return str(error)
    finished = sum(unit.id in known for unit in units)
    if finished == len(units):
        done.add(phase, units, known)
    return f"{len(units)} units{_work(phase, done)}, {finished if finished < len(units) else 'all'} finished"


def _work(phase: Phase, done: FinishedPhases) -> str:
    """About how long the phase's steps take on one core or GPU, if they state a cost and what they read is known."""
    costs = [step.attributes.cost for step in phase.steps]
    files = done.files(phase.inputs, "documents") if phase.kind == "documents" else []
    seconds = sum(total(costs, segment) for file in files for segment in file.segments)
    return f" of about {seconds:,.0f} s of work in all" if seconds >= 1 else ""
