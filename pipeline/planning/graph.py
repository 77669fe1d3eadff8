"""Which step reads which: the names of steps, what each is given, and every mistake in that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from interloom.pipeline.planning.plugins import Plugin
from interloom.pipeline.planning.recipe import Located, suggestion
from interloom.schemas.recipe import StepLine


@dataclass(frozen=True, slots=True)
class Graph:
    """The recipe's steps as written: for each its key and the keys it reads from. `plugins` holds None for an unknown `use`."""

    located: Located
    lines: Sequence[StepLine]
    plugins: Sequence[Plugin | None]
    keys: list[str] = field(default_factory=list)
    inputs: list[tuple[str, ...]] = field(default_factory=list)

    def shape(self, n: int) -> str:
        plugin = self.plugins[n]
        return plugin.shape if plugin is not None else "stage"

    def problem(self, n: int, message: str, key: str | None = None) -> str:
        return self.located.problem(("steps", n) if key is None else ("steps", n, key), message)


def connect(graph: Graph) -> list[str]:
    """Fills in keys and inputs; the problems found on the way."""
    problems = list(_name(graph))
    for n in range(len(graph.lines)):
        inputs, wrong = _inputs(graph, n)
        graph.inputs.append(inputs)
        problems += wrong
    return problems


def _name(graph: Graph) -> Iterator[str]:
    """Keys: the id, or the name of the file with a number where it is taken."""
    for n, line in enumerate(graph.lines):
        if line.id and line.id in graph.keys:
            yield graph.problem(n, f"the id '{line.id}' is taken by an earlier step", "id")
        name = line.id or line.use.rpartition(".")[2]
        numbered = (name if count == 1 else f"{name}-{count}" for count in range(1, len(graph.lines) + 2))
        graph.keys.append(next(key for key in numbered if key not in graph.keys))


def _inputs(graph: Graph, n: int) -> tuple[tuple[str, ...], list[str]]:
    """What the step reads: `from`, else the step above (a sink passes on what it was given)."""
    line = graph.lines[n]
    if graph.shape(n) == "source":
        return (), [graph.problem(n, f"{line.use} is a source and reads from no step", "from")] if line.from_ else []
    if line.from_ is not None:
        named = [line.from_] if isinstance(line.from_, str) else line.from_
        wrong = [graph.problem(n, message, "from") for message in _misnamed(graph, n, named)]
        return tuple(dict.fromkeys(named)), wrong
    if n == 0:
        return (), [graph.problem(n, f"{line.use} has nothing to read; begin with a source (stages.read_*)")]
    return (graph.inputs[n - 1] if graph.shape(n - 1) == "sink" else (graph.keys[n - 1],)), []


def _misnamed(graph: Graph, n: int, named: Sequence[str]) -> Iterator[str]:
    if not named:
        yield f"{graph.lines[n].use} reads from nothing; name a step or leave `from` out"
    for name in dict.fromkeys(named):
        if name not in graph.keys:
            others = [key for key in graph.keys if key != graph.keys[n]]
            yield f"no step has the id '{name}'{suggestion(name, others)}"
        elif name == graph.keys[n]:
            yield f"'{name}' reads from itself"
        if named.count(name) > 1:
            yield f"'{name}' is named twice"


def ends(graph: Graph) -> Iterator[str]:
    """Dangling ends, sinks that feed steps, and cycles, in a graph whose names are right."""
    read = {key for names in graph.inputs for key in names}
    for n, key in enumerate(graph.keys):
        if graph.shape(n) != "sink" and key not in read:
            yield graph.problem(n, f"what '{key}' makes goes nowhere; end with a sink (stages.write_*)")
        for name in graph.inputs[n]:
            above = graph.keys.index(name)
            if graph.shape(above) == "sink":
                better = ", ".join(graph.inputs[above])
                yield graph.problem(n, f"'{name}' is a sink; read from what it reads: {better}", "from")
    yield from _cycle(graph)


def _cycle(graph: Graph) -> Iterator[str]:
    waiting = dict(zip(graph.keys, graph.inputs, strict=True))
    while ready := [key for key, names in waiting.items() if not any(name in waiting for name in names)]:
        for key in ready:
            del waiting[key]
    if not waiting:
        return
    path = [next(iter(waiting))]
    while path[-1] not in path[:-1]:
        path.append(next(name for name in waiting[path[-1]] if name in waiting))
    circle = path[path.index(path[-1]) :][::-1]
    first = min(circle[:-1], key=graph.keys.index)
    turned = circle.index(first)
    names = [*circle[turned:-1], *circle[:turned], first]
    yield graph.problem(graph.keys.index(first), f"a cycle: {' -> '.join(names)}", "from")
