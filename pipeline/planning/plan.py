"""From a recipe to a checked DAG of steps, cut into phases with fingerprints.

Everything wrong is found here, all at once, before any work: each problem is one line with its place in the recipe.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from pydantic import ValidationError

from interloom.pipeline.errors import ConfigError
from interloom.pipeline.execution import resources
from interloom.pipeline.planning import graph, own_code, plugins
from interloom.pipeline.planning.fingerprint import ENGINE_VERSION, digest, digests_of_files
from interloom.pipeline.planning.recipe import UNSET, Located, explain, in_order, suggestion
from interloom.pipeline.store import storage
from interloom.schemas.recipe import Recipe, StepLine
from interloom.schemas.table import SCHEMA_VERSION


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step that has been checked: its key (unique in the run), parameters as plain values, and the keys it reads from.
    `code` and `files` are hashes of what else its results depend on (`pipeline/fingerprint.py`)."""

    key: str
    use: str
    shape: str
    parameters: Mapping[str, Any]
    inputs: tuple[str, ...]
    cpus: float
    gpus: float
    workers: int | None
    memory_bytes: int | None
    batch_size: int | None
    keeps: bool
    code: str
    files: Mapping[str, str]
    fingerprint: str

    @property
    def attributes(self) -> Any:
        """The class that carries `dear`, `isolated` and the like."""
        return plugins.find(self.use).kind

    def build(self) -> Any:
        """The step itself, built once in this process."""
        return plugins.step(self.use, json.dumps(self.parameters, sort_keys=True), self.version)

    @property
    def version(self) -> str:
        """Changes with the code of the step and with the files that its parameters name."""
        return digest(ENGINE_VERSION, self.code, self.files)


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

    def step(self, key: str) -> PlannedStep:
        return next(step for step in self.steps if step.key == key)

    def readers(self, key: str) -> tuple[PlannedStep, ...]:
        """The steps that read from this one."""
        return tuple(step for step in self.steps if key in step.inputs)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def make_plan(located: Located, recipe: Recipe, *, capacity: resources.Capacity | None = None) -> Plan:
    """Checks everything that can be checked offline; with `capacity`, also that each step fits the machine it is meant for.

    Raises ConfigError with every problem found.
    """
    problems = list(located.problems)
    own = own_code.admit_beside(located.file, [line.use for line in recipe.steps])
    named: list[plugins.Plugin | None] = []
    parameters: list[dict[str, Any] | None] = []
    for n, line in enumerate(recipe.steps):
        named.append(_plugin(located, n, line, problems))
        parameters.append(_parameters(located, n, recipe, named[n], problems))
    connected = graph.Graph(located, recipe.steps, named)
    problems += graph.connect(connected)
    problems += _misfits(located, recipe, capacity) if capacity else ()
    problems += graph.ends(connected) if not problems else ()
    problems += _same_place(connected, parameters)
    problems += [located.problem(("run",), problem)] if (problem := storage.credentials_problem(recipe.run)) else []
    for n, (plugin, values) in enumerate(zip(named, parameters, strict=True)):
        if plugin is not None and values is not None and not UNSET.search(json.dumps(values)):
            found = plugin.build(values).check()
            problems += [located.problem(("steps", n), f"{recipe.steps[n].use}: {problem}") for problem in found]
    if problems:
        raise ConfigError(*in_order(problems))
    steps = [
        _planned(line, key, plugin, values or {}, inputs)
        for line, key, plugin, values, inputs in zip(
            recipe.steps, connected.keys, named, parameters, connected.inputs, strict=True
        )
    ]
    return Plan(recipe.name, recipe.run.rstrip("/"), recipe.seed, recipe.max_error_rate, _fingerprinted(_sorted(steps)), own)


def _plugin(located: Located, n: int, line: StepLine, problems: list[str]) -> plugins.Plugin | None:
    try:
        return plugins.find(line.use)
    except ConfigError as error:
        misplaced = own_code.misplaced(located.file, line.use)
        message = error.problems[0].partition(";")[0] + misplaced if misplaced else error.problems[0]
        problems.append(located.problem(("steps", n, "use"), message))
        return None


def _parameters(
    located: Located, n: int, recipe: Recipe, plugin: plugins.Plugin | None, problems: list[str]
) -> dict[str, Any] | None:
    """The step's parameters with defaults filled in, as plain JSON values."""
    if plugin is None:
        return None
    given = dict(recipe.steps[n].with_)
    known = plugin.model.model_fields
    if "seed" in known and "seed" not in given:
        given["seed"] = recipe.seed
    unknown = [name for name in given if name not in known]
    for name in unknown:
        message = f"{plugin.use} has no parameter '{name}'{suggestion(name, list(known))}"
        problems.append(located.problem(("steps", n, "with", name), message))
        del given[name]
    try:
        return plugin.model.model_validate(given).model_dump(mode="json")
    except ValidationError as error:
        problems += explain(error, located, ("steps", n, "with"))
        return None


def _same_place(connected: graph.Graph, parameters: Sequence[Mapping[str, Any] | None]) -> Iterator[str]:
    """Sinks that would overwrite each other's shards."""
    taken: dict[str, str] = {}
    for n, key in enumerate(connected.keys):
        place = str((parameters[n] or {}).get("to") or "").rstrip("/") if connected.shape(n) == "sink" else ""
        if place and taken.setdefault(place, key) != key:
            yield connected.problem(n, f"'{key}' and '{taken[place]}' write to the same place, {place}")


def _misfits(located: Located, recipe: Recipe, capacity: resources.Capacity) -> Iterator[str]:
    """Steps that ask for more than the machine has would wait for ever."""
    for n, line in enumerate(recipe.steps):
        asked = line.resources
        for name, want, have in (("cpus", asked.cpus, capacity.cpus), ("gpus", asked.gpus, capacity.gpus)):
            if want * (asked.workers or 1) > have:
                many = f"{asked.workers} workers x {want:g}" if asked.workers else f"{want:g}"
                message = f"{line.use} asks for {many} {name}; {capacity.where} has {have:g}"
                yield located.problem(("steps", n, "resources", name), message)


def _planned(
    line: StepLine, key: str, plugin: plugins.Plugin | None, parameters: Mapping[str, Any], inputs: tuple[str, ...]
) -> PlannedStep:
    assert plugin is not None
    asked = line.resources
    keeps = plugin.kind.dear if line.checkpoint is None else line.checkpoint
    step = plugin.build(parameters)
    files = digests_of_files(step.files(), step.inputs())
    return PlannedStep(
        key=key,
        use=line.use,
        shape=plugin.shape,
        parameters=parameters,
        inputs=inputs,
        cpus=asked.cpus,
        gpus=asked.gpus,
        workers=asked.workers,
        memory_bytes=asked.memory_bytes,
        batch_size=asked.batch_size,
        keeps=keeps,
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
