"""YAML as plain values, with the line and column of every one of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

Path = tuple[str | int, ...]
Marks = Mapping[Path, tuple[int, int]]
"""Line and column (1-based) of each key and item."""
_MOST_VALUES = 20_000  # an alias bomb is refused, and no recipe is that long
_VARIABLE = re.compile(r"[^\s,:\[\]{}\"']*\$\{\w+\}[^\s,\[\]{}\"']*")
_LONGEST_NUMBER = 1000
"""Characters of a number; a longer one stays text, because Python neither reads nor prints one of more than 4,300 digits."""
_DEEPEST = 100  # before Python's own recursion limit
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class YamlError(Exception):
    """The text is not what a recipe can be; each of `problems` is `line:column: what`."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class _Scalars(yaml.SafeLoader):
    """Scalars as YAML 1.2 reads them: `no`, `on`, `yes` and dates are words (a language, a parameter); only true and false
    are not. `010` is ten, not eight, and `1:30` is no number."""


_INTEGER = re.compile(r"[-+]?[0-9]+")
_Scalars.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rules if not tag.endswith((":bool", ":timestamp"))]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_BOOLEAN = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


def parse(text: str) -> tuple[Any, Marks]:
    """The values, and where each key and item stands (1-based). Raises YamlError."""
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{mark.line + 1}:{mark.column + 1}" if mark else "1:1"
        raise YamlError(f"{where}: not YAML: {error.problem or error.context}{_unquoted(text, mark)}") from None
    except yaml.YAMLError as error:
        raise YamlError(f"1:1: not YAML: {str(error).splitlines()[0]}") from None
    if node is None:
        raise YamlError("1:1: the file is empty")
    builder = _Builder()
    values = builder.value(node, ())
    if builder.problems:
        raise YamlError(*builder.problems)
    return values, builder.marks


def _unquoted(text: str, mark: Any) -> str:
    """What to do if a `${NAME}` is the mistake: inside of {} and [] its brace begins a mapping."""
    line = text.splitlines()[mark.line] if mark and mark.line < len(text.splitlines()) else ""
    variable = next((match for match in _VARIABLE.finditer(line) if match.start() < mark.column <= match.end()), None)
    return f'; inside of {{}} and [] quote a value with a variable: "{variable[0]}"' if variable else ""


class _Builder:
    """Turns YAML nodes into values and notes where each key and item stands. Aliases are followed, within limits."""

    def __init__(self) -> None:
        self.marks: dict[Path, tuple[int, int]] = {}
        self.problems: list[str] = []
        self._above: list[yaml.Node] = []

    def value(self, node: yaml.Node, path: Path) -> Any:
        self.marks.setdefault(path, _position(node))
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node)
        reason = self._refusal(node, path)
        if reason:
            self._problem(node, reason)
            return None
        self._above.append(node)
        value = self._mapping(node, path) if isinstance(node, yaml.MappingNode) else self._sequence(node, path)
        self._above.pop()
        return value

    def _refusal(self, node: yaml.Node, path: Path) -> str:
        if node in self._above:
            return f"'{path[-1]}' contains itself"
        if len(self._above) > _DEEPEST:
            return f"nested deeper than {_DEEPEST}"
        return f"more than {_MOST_VALUES} values" if len(self.marks) > _MOST_VALUES else ""

    def _sequence(self, node: yaml.Node, path: Path) -> list[Any]:
        return [self.value(item, (*path, n)) for n, item in enumerate(node.value)]

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[Any, Any]:
        values: dict[Any, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._problem(key, "a key must be a word, not a list or a mapping")
                continue
            name = _scalar(key)
            if name in values:
                self._problem(key, f"'{name}' is given twice")
            self.marks[(*path, name)] = _position(key)
            values[name] = self.value(value, (*path, name))
        return values

    def _problem(self, node: yaml.Node, what: str) -> None:
        line, column = _position(node)
        problem = f"{line}:{column}: {what}"
        if problem not in self.problems:
            self.problems.append(problem)


def _position(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _scalar(node: yaml.Node) -> Any:
    if len(node.value) > _LONGEST_NUMBER:
        return str(node.value)
    plain = not getattr(node, "style", None)
    if plain and node.value in _BOOLEAN:
        return _BOOLEAN[node.value]
    if plain and _INTEGER.fullmatch(node.value):
        return int(node.value)
    if plain and ":" in node.value:
        return str(node.value)
    resolver: Any = _Scalars("")
    tag = resolver.resolve(yaml.ScalarNode, node.value, (plain, not plain))
    try:
        return resolver.construct_object(yaml.ScalarNode(tag, node.value), deep=True)
    except (yaml.YAMLError, ValueError):
        return str(node.value)
