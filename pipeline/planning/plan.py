"""From a recipe to a checked DAG of steps with fingerprints.

Everything wrong is found here, all at once, before any work: each problem is one line with its place in the recipe.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self, TypeVar

from pydantic import ValidationError

from interloom.pipeline.errors import ConfigError
from interloom.pipeline.execution.resources import Capacity
from interloom.pipeline.planning import graph, own_code, plugins, sink_targets
from interloom.pipeline.planning.capacity_check import check_capacity
from interloom.pipeline.planning.fingerprint import ENGINE_VERSION, digest
from interloom.pipeline.planning.input_check import check_inputs
from interloom.pipeline.planning.needs import check_needs
from interloom.pipeline.planning.pattern_check import check_patterns
from interloom.pipeline.planning.plugins import Plugin
from interloom.pipeline.planning.recipe import UNSET_VARIABLE, Located, Problems, suggestion
from interloom.pipeline.planning.step_checks import check_steps
from interloom.pipeline.planning.step_files import digests_of_step
from interloom.pipeline.stage import Shape, Step
from interloom.pipeline.store import places, storage
from interloom.schemas.columns import SCHEMA_VERSION
from interloom.schemas.recipe import Recipe, StepLine

S = TypeVar("S", bound=Step)


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step that has been checked: its key (unique in the run), parameters as plain values, and the keys it reads from.
    `code` and `files` are hashes of what else its results depend on (`pipeline/planning/fingerprint.py`)."""

    key: str
    use: str
    shape: Shape
    parameters: Mapping[str, Any]
    inputs: tuple[str, ...]
    cpus: float
    gpus: float
    workers: int | None
    memory_bytes: int | None
    batch_size: int | None
    checkpoint: bool
    code: str
    files: Mapping[str, str]
    fingerprint: str

    @property
    def attributes(self) -> type[Step]:
        """The class that carries `checkpoint`, `isolated` and the like."""
        return plugins.find(self.use).kind

    @property
    def version(self) -> str:
        """Changes with the code of the step and with the files that its parameters name."""
        return digest(ENGINE_VERSION, self.code, self.files)

    def build(self) -> Step:
        """The step itself, built once in this process."""
        return plugins.step(self.use, json.dumps(self.parameters, sort_keys=True), self.version)

    def build_as(self, shape: type[S]) -> S:
        """The step itself, which is of this shape (Source, Stage, GlobalStage or Sink)."""
        step = self.build()
        assert isinstance(step, shape)
        return step

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        return cls(**{**values, "inputs": tuple(values["inputs"])})


@dataclass(frozen=True, slots=True)
class Plan:
    """The checked recipe: steps in an order in which each comes after those it reads from."""

    name: str
    run: str
    seed: int
    max_error_rate: float
    steps: tuple[PlannedStep, ...]
    own_code: str = ""
    """The hash of the plug-ins that lie beside the recipe; they are stored with the run."""
    overwrite: bool = False
    """Whether sinks may replace shards that this run did not write."""

    def step(self, key: str) -> PlannedStep:
        return next(step for step in self.steps if step.key == key)

    def readers(self, key: str) -> tuple[PlannedStep, ...]:
        """The steps that read from this one."""
        return tuple(step for step in self.steps if key in step.inputs)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def make_plan(located: Located, recipe: Recipe, *, capacity: Capacity | None = None, overwrite: bool = False) -> Plan:
    """Checks everything that can be checked before any work; with `capacity`, also that each step fits the machine it is meant
    for, and that no sink would write to a folder that holds data of others (with `overwrite`, other data than shards). Raises
    ConfigError with every problem found."""
    problems = Problems(located)
    own = own_code.admit_beside(located.file, [line.use for line in recipe.steps])
    plugins, parameters, connected = _graph(recipe, capacity, problems)
    check_inputs(recipe.run, plugins, connected, parameters, problems)
    if problem := storage.credentials_problem(recipe.run) or places.not_a_run(recipe.run, "" if overwrite else recipe.name):
        problems.add(("run",), problem)
    check_steps(recipe, plugins, parameters, problems)
    problems.raise_if_any()
    sink_targets.check_owned(recipe.run, connected, parameters, problems, overwrite)
    problems.raise_if_any()
    digests = [digests_of_step(n, plugin, parameters[n], problems) for n, plugin in enumerate(plugins)]
    problems.raise_if_any()
    steps = [
        planned
        for line, plugin, values, node, files in zip(recipe.steps, plugins, parameters, connected.nodes, digests, strict=True)
        if plugin is not None and values is not None
        for planned in _planned(line, plugin, values, node, files)
    ]
    return Plan(
        recipe.name, recipe.run.rstrip("/"), recipe.seed, recipe.max_error_rate, _fingerprinted(_sorted(steps)), own, overwrite
    )


def outline(located: Located, recipe: Recipe, capacity: Capacity | None = None) -> Plan:
    """The plan of a run that other machines do: names, parameters and the graph are checked, and the `capacity` if it is given,
    but nothing that this machine may lack (files, models, inputs). Its fingerprints are those of no run. Raises ConfigError with
    every problem found."""
    problems = Problems(located)
    own = own_code.admit_beside(located.file, [line.use for line in recipe.steps])
    plugins, parameters, connected = _graph(recipe, capacity, problems)
    problems.raise_if_any()
    lines = zip(recipe.steps, plugins, parameters, connected.nodes, strict=True)
    steps = [
        planned
        for line, plugin, values, node in lines
        if plugin and values is not None
        for planned in _planned(line, plugin, values, node, {})
    ]
    return Plan(recipe.name, recipe.run.rstrip("/"), recipe.seed, recipe.max_error_rate, _fingerprinted(_sorted(steps)), own)


def _graph(
    recipe: Recipe, capacity: Capacity | None, problems: Problems
) -> tuple[list[Plugin | None], list[dict[str, Any] | None], graph.Graph]:
    """The plug-ins, their parameters, and how the steps are connected: what is the same on every machine."""
    are_lines_right = all(UNSET_VARIABLE in problem for problem in problems.lines)
    plugins = [_plugin(n, line, problems) for n, line in enumerate(recipe.steps)]
    parameters, trusted = list[dict[str, Any] | None](), list[dict[str, Any] | None]()
    for n, plugin in enumerate(plugins):
        before = len(problems.lines)
        parameters.append(_parameters(n, recipe, plugin, problems))
        trusted.append(parameters[-1] if len(problems.lines) == before else None)
    before = len(problems.lines)
    connected = graph.connect(recipe.steps, plugins, problems)
    if are_lines_right and len(problems.lines) == before and graph.check_ends(connected, problems):
        check_needs(recipe, plugins, trusted, connected, problems)
    if not problems.lines:
        check_patterns(plugins, parameters, connected, problems)
    if capacity:
        check_capacity(recipe, capacity, problems)
    sink_targets.check_distinct(recipe.run, connected, parameters, problems)
    return plugins, parameters, connected


def _plugin(n: int, line: StepLine, problems: Problems) -> Plugin | None:
    try:
        return plugins.find(line.use)
    except ConfigError as error:
        misplaced = own_code.misplaced(problems.located.file, line.use)
        problems.add(("steps", n, "use"), error.problems[0].partition(";")[0] + misplaced if misplaced else error.problems[0])
        return None


def _parameters(n: int, recipe: Recipe, plugin: Plugin | None, problems: Problems) -> dict[str, Any] | None:
    """The step's parameters with defaults filled in, as plain JSON values; None if they are not valid."""
    if plugin is None:
        return None
    given = dict(recipe.steps[n].with_)
    known = plugin.model.model_fields
    if "seed" in known and "seed" not in given:
        given["seed"] = recipe.seed
    for name in [name for name in given if name not in known]:
        renamed = plugin.kind.renamed.get(name)
        hint = f"; it is called '{renamed}' now" if renamed else suggestion(name, list(known))
        problems.add(("steps", n, "with", name), f"{plugin.use} has no parameter '{name}'{hint}")
        del given[name]
    try:
        return plugin.model.model_validate(given).model_dump(mode="json")
    except ValidationError as error:
        problems.add_findings(error, ("steps", n, "with"))
        return None


def _planned(
    line: StepLine, plugin: Plugin, values: Mapping[str, Any], node: graph.Node, files: Mapping[str, str]
) -> Iterator[PlannedStep]:
    """The step of a line; of one that is divided each of its steps, the last under the name that other lines know."""
    step = plugin.build(values)
    divided = step.divided()
    keys = [*(f"{node.key}-pass-{n}" for n in range(1, len(divided))), node.key]
    inputs = [node.inputs, *((key,) for key in keys[:-1])]
    asked = line.resources
    for key, each, above in zip(keys, divided, inputs, strict=True):
        parameters = values if each is step else plugin.parameters_of(each)
        yield PlannedStep(
            key=key,
            use=line.use,
            shape=plugin.shape,
            parameters=parameters,
            inputs=above,
            cpus=asked.cpus,
            gpus=asked.gpus,
            workers=min(filter(None, (asked.workers, each.most_workers())), default=None),
            memory_bytes=asked.memory_bytes,
            batch_size=asked.batch_size,
            checkpoint=plugin.kind.checkpoint if line.checkpoint is None else line.checkpoint,
            code=plugin.code,
            files=files,
            fingerprint=digest(SCHEMA_VERSION, ENGINE_VERSION, key, line.use, parameters, plugin.code, files),
        )


def _sorted(steps: Sequence[PlannedStep]) -> list[PlannedStep]:
    """Inputs before readers, otherwise as written."""
    placed: list[PlannedStep] = []
    waiting = list(steps)
    while waiting:
        keys = {step.key for step in placed}
        ready = next(step for step in waiting if keys.issuperset(step.inputs))
        placed.append(ready)
        waiting.remove(ready)
    return placed


def _fingerprinted(steps: Sequence[PlannedStep]) -> tuple[PlannedStep, ...]:
    """Each fingerprint covers the step and everything above it."""
    done: dict[str, PlannedStep] = {}
    for step in steps:
        above = [done[key].fingerprint for key in step.inputs]
        done[step.key] = replace(step, fingerprint=digest(step.fingerprint, above))
    return tuple(done.values())
