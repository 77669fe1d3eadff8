"""Which step reads which: the names of steps, what each reads, and every mistake in that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from interloom.pipeline.planning.plugins import Plugin
from interloom.pipeline.planning.recipe import Problems, suggestion
from interloom.pipeline.stage import Shape
from interloom.schemas.recipe import StepLine


@dataclass(frozen=True, slots=True)
class Node:
    """A step as written: its key, its shape (`stage` for an unknown `use`), and the keys it reads from."""

    key: str
    shape: Shape
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Graph:
    """The recipe's steps in the order written."""

    nodes: tuple[Node, ...]

    def index(self, key: str) -> int:
        return next(n for n, node in enumerate(self.nodes) if node.key == key)


def connect(lines: Sequence[StepLine], plugins: Sequence[Plugin | None], problems: Problems) -> Graph:
    """Names the steps and finds what each reads: `from`, else the step above (a sink passes on what it was given)."""
    shapes: list[Shape] = [plugin.shape if plugin is not None else "stage" for plugin in plugins]
    keys = _keys(lines, problems)
    nodes: list[Node] = []
    for n, line in enumerate(lines):
        above = nodes[-1] if nodes else None
        if shapes[n] == "source":
            if line.from_:
                problems.add(("steps", n, "from"), f"{line.use} is a source and reads from no step")
            inputs: tuple[str, ...] = ()
        elif line.from_ is not None:
            named = [line.from_] if isinstance(line.from_, str) else line.from_
            _check_names(n, line, named, keys, problems)
            inputs = tuple(dict.fromkeys(named))
        elif above is None:
            problems.add(("steps", n), f"{line.use} has nothing to read; begin with a source (stages.read_*)")
            inputs = ()
        else:
            inputs = above.inputs if above.shape == "sink" else (above.key,)
        nodes.append(Node(keys[n], shapes[n], inputs))
    return Graph(tuple(nodes))


def _keys(lines: Sequence[StepLine], problems: Problems) -> list[str]:
    """The ids, or the names of the files with a number where they are taken: score, score-2."""
    keys: list[str] = []
    for n, line in enumerate(lines):
        if line.id and line.id in keys:
            problems.add(("steps", n, "id"), f"the id '{line.id}' is taken by an earlier step")
        name = line.id or line.use.rpartition(".")[2]
        numbered = (name if count == 1 else f"{name}-{count}" for count in range(1, len(lines) + 2))
        keys.append(next(key for key in numbered if key not in keys))
    return keys


def _check_names(n: int, line: StepLine, named: Sequence[str], keys: Sequence[str], problems: Problems) -> None:
    place = ("steps", n, "from")
    if not named:
        problems.add(place, f"{line.use} reads from nothing; name a step or leave `from` out")
    for name in dict.fromkeys(named):
        if name not in keys:
            problems.add(place, f"no step has the id '{name}'{suggestion(name, [key for key in keys if key != keys[n]])}")
        elif name == keys[n]:
            problems.add(place, f"'{name}' reads from itself")
        if named.count(name) > 1:
            problems.add(place, f"'{name}' is named twice")


def check_ends(graph: Graph, problems: Problems) -> bool:
    """Finds dangling ends, sinks that feed steps, and cycles, in a graph whose names are right. Returns whether it is known what
    each step reads, in spite of dangling ends."""
    is_known = True
    read = {key for node in graph.nodes for key in node.inputs}
    for n, node in enumerate(graph.nodes):
        if node.shape != "sink" and node.key not in read:
            problems.add(("steps", n), f"what '{node.key}' makes goes nowhere; end with a sink (stages.write_*)")
        for name in node.inputs:
            above = graph.nodes[graph.index(name)]
            if above.shape == "sink":
                message = f"'{name}' is a sink; read from what it reads: {', '.join(above.inputs)}"
                problems.add(("steps", n, "from"), message)
                is_known = False
    cycle = list(_cycle(graph))
    if cycle:
        problems.add(("steps", graph.index(cycle[0]), "from"), f"a cycle: {' -> '.join(cycle)}")
    return is_known and not cycle


def _cycle(graph: Graph) -> Iterator[str]:
    """The keys around a cycle, from the step that stands first in the recipe back to it; nothing if there is none."""
    waiting = {node.key: node.inputs for node in graph.nodes}
    while ready := [key for key, names in waiting.items() if not any(name in waiting for name in names)]:
        for key in ready:
            del waiting[key]
    if not waiting:
        return
    path = [next(iter(waiting))]
    while path[-1] not in path[:-1]:
        path.append(next(name for name in waiting[path[-1]] if name in waiting))
    circle = path[path.index(path[-1]) :][::-1]  # begins and ends with the same key
    first = min(circle[:-1], key=graph.index)
    start = circle.index(first)
    yield from (*circle[start:-1], *circle[:start], first)
