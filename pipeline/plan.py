"""From a recipe to a checked DAG of steps, cut into phases with fingerprints.

Everything wrong is found here, all at once, before any work: each problem is one line with its place in the recipe.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from pydantic import ValidationError

from pipeline import load, machine
from pipeline.errors import ConfigError
from pipeline.recipe import Located, explain, suggestion
from schemas.recipe import Recipe, StepLine
from schemas.table import SCHEMA_VERSION


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step that has been checked: its key (unique in the run), parameters as plain values, and the keys it reads from."""

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
    fingerprint: str

    @property
    def attributes(self) -> Any:
        """The class that carries `dear`, `isolated` and the like."""
        return load.find(self.use).kind

    def build(self) -> Any:
        """The step itself, built once in this process."""
        return load.step(self.use, json.dumps(self.parameters, sort_keys=True))


@dataclass(frozen=True, slots=True)
class Plan:
    """The checked recipe: steps in an order in which each comes after those it reads from."""

    name: str
    run: str
    seed: int
    max_error_rate: float
    steps: tuple[PlannedStep, ...]

    def step(self, key: str) -> PlannedStep:
        return next(step for step in self.steps if step.key == key)

    def readers(self, key: str) -> tuple[PlannedStep, ...]:
        """The steps that read from this one."""
        return tuple(step for step in self.steps if key in step.inputs)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def digest(*parts: object) -> str:
    """A short stable hash of plain values."""
    text = json.dumps(parts, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def make_plan(located: Located, recipe: Recipe, *, capacity: machine.Capacity | None = None) -> Plan:
    """Checks everything that can be checked offline; with `capacity`, also that each step fits the machine it is meant for.

    Raises ConfigError with every problem found.
    """
    problems: list[str] = []
    plugins = [_plugin(located, n, line, problems) for n, line in enumerate(recipe.steps)]
    parameters = [_parameters(located, n, recipe, plugin, problems) for n, plugin in enumerate(plugins)]
    keys = _keys(located, recipe.steps, problems)
    inputs = _inputs(located, recipe, plugins, keys, problems)
    problems += _misfits(located, recipe, capacity) if capacity else ()
    if not problems:
        problems += _ends(located, plugins, keys, inputs)
    for n, (plugin, values) in enumerate(zip(plugins, parameters, strict=True)):
        if plugin is not None and values is not None:
            found = plugin.build(values).check()
            problems += [located.problem(("steps", n), f"{recipe.steps[n].use}: {problem}") for problem in found]
    if problems:
        raise ConfigError(*problems)
    steps = [_planned(line, keys[n], plugins[n], parameters[n] or {}, inputs[n]) for n, line in enumerate(recipe.steps)]
    return Plan(recipe.name, recipe.run.rstrip("/"), recipe.seed, recipe.max_error_rate, _fingerprinted(_sorted(steps)))


def _plugin(located: Located, n: int, line: StepLine, problems: list[str]) -> load.Plugin | None:
    try:
        return load.find(line.use)
    except ConfigError as error:
        problems.append(located.problem(("steps", n, "use"), error.problems[0]))
        return None


def _parameters(
    located: Located, n: int, recipe: Recipe, plugin: load.Plugin | None, problems: list[str]
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


def _keys(located: Located, lines: Sequence[StepLine], problems: list[str]) -> list[str]:
    keys: list[str] = []
    for n, line in enumerate(lines):
        name = line.id or line.use.rpartition(".")[2]
        if line.id and line.id in keys:
            problems.append(located.problem(("steps", n, "id"), f"the id '{line.id}' is taken by an earlier step"))
        count = sum(key == name or key.rpartition("-")[0] == name for key in keys)
        keys.append(f"{name}-{count + 1}" if count else name)
    return keys


def _inputs(
    located: Located,
    recipe: Recipe,
    plugins: Sequence[load.Plugin | None],
    keys: Sequence[str],
    problems: list[str],
) -> list[tuple[str, ...]]:
    """What each step reads: `from`, else the step above (a sink passes on what it was given)."""
    inputs: list[tuple[str, ...]] = []
    for n, line in enumerate(recipe.steps):
        shape = plugins[n].shape if plugins[n] else "stage"  # type: ignore[union-attr]
        above = n - 1
        while (
            above >= 0 and (plugin := plugins[above]) is not None and plugin.shape == "sink" and recipe.steps[above].from_ is None
        ):
            above -= 1
        named = [line.from_] if isinstance(line.from_, str) else line.from_
        if shape == "source":
            if named:
                problems.append(located.problem(("steps", n, "from"), f"{line.use} is a source and reads from no step"))
            inputs.append(())
        elif named is not None:
            inputs.append(tuple(_named(located, n, name, keys, problems) for name in named))
        elif above < 0:
            problems.append(located.problem(("steps", n), f"{line.use} has nothing to read; begin with a source (stages.read_*)"))
            inputs.append(())
        else:
            sink_above = plugins[above] is not None and plugins[above].shape == "sink"  # type: ignore[union-attr]
            inputs.append(inputs[above] if sink_above else (keys[above],))
    return inputs


def _named(located: Located, n: int, name: str, keys: Sequence[str], problems: list[str]) -> str:
    if name not in keys:
        problems.append(located.problem(("steps", n, "from"), f"no step has the id '{name}'{suggestion(name, keys)}"))
    elif name == keys[n]:
        problems.append(located.problem(("steps", n, "from"), f"'{name}' reads from itself"))
    return name


def _ends(
    located: Located, plugins: Sequence[load.Plugin | None], keys: Sequence[str], inputs: Sequence[tuple[str, ...]]
) -> Iterator[str]:
    """Dangling ends, sinks that feed steps, and cycles."""
    shapes = {key: plugin.shape for key, plugin in zip(keys, plugins, strict=True) if plugin}
    read = {key for names in inputs for key in names}
    for n, key in enumerate(keys):
        if shapes[key] != "sink" and key not in read:
            yield located.problem(("steps", n), f"what '{key}' makes goes nowhere; end with a sink (stages.write_*)")
        for name in inputs[n]:
            if shapes.get(name) == "sink":
                yield located.problem(
                    ("steps", n, "from"), f"'{name}' is a sink; read from what it reads: {', '.join(_of(name, keys, inputs))}"
                )
    waiting = dict(zip(keys, inputs, strict=True))
    while ready := [key for key, names in waiting.items() if not any(name in waiting for name in names)]:
        for key in ready:
            del waiting[key]
    if waiting:
        n = keys.index(next(iter(waiting)))
        yield located.problem(("steps", n, "from"), f"a cycle: {' -> '.join([*waiting, next(iter(waiting))])}")


def _of(name: str, keys: Sequence[str], inputs: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    return inputs[list(keys).index(name)]


def _misfits(located: Located, recipe: Recipe, capacity: machine.Capacity) -> Iterator[str]:
    """Steps that ask for more than the machine has would wait for ever."""
    for n, line in enumerate(recipe.steps):
        asked = line.resources
        for name, want, have in (("cpus", asked.cpus, capacity.cpus), ("gpus", asked.gpus, capacity.gpus)):
            if want * (asked.workers or 1) > have:
                many = f"{asked.workers} workers x {want:g}" if asked.workers else f"{want:g}"
                message = f"{line.use} asks for {many} {name}; {capacity.where} has {have:g}"
                yield located.problem(("steps", n, "resources", name), message)


def _planned(
    line: StepLine, key: str, plugin: load.Plugin | None, parameters: Mapping[str, Any], inputs: tuple[str, ...]
) -> PlannedStep:
    assert plugin is not None
    asked = line.resources
    keeps = plugin.kind.dear if line.checkpoint is None else line.checkpoint
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
        fingerprint=digest(SCHEMA_VERSION, key, line.use, parameters, plugin.code),
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
