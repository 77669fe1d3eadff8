"""Reads a recipe: YAML with the place of every value, `${VAR}` from the environment, `--set path=value`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import yaml
from pydantic import ValidationError

from pipeline import storage
from pipeline.errors import ConfigError
from schemas.recipe import Recipe, Resources, StepLine

Path = tuple[str | int, ...]
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_MOST_VALUES = 100_000
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Scalars(yaml.SafeLoader):
    """Scalars as YAML 1.2 reads them: `no`, `on` and `yes` are words (a language, a parameter), dates too; only true and false are not."""


_Scalars.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rules if not tag.endswith((":bool", ":timestamp"))]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_BOOLEAN = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


@dataclass(frozen=True, slots=True)
class Located:
    """A recipe's values, and for each of their paths the line and column (1-based) where it stands in `file`."""

    file: str
    values: Any
    places: Mapping[Path, tuple[int, int]]

    def problem(self, path: Path, message: str) -> str:
        """`file:line:column: message`, at the path's own place or that of the nearest thing around it."""
        while path and path not in self.places:
            path = path[:-1]
        line, column = self.places.get(path, (1, 1))
        return f"{self.file}:{line}:{column}: {message}"


def read_recipe(file: str, settings: Sequence[str] = ()) -> tuple[Located, Recipe]:
    """The recipe of a file with `settings` (`steps.3.with.at_least=0.2`) applied. Raises ConfigError with all problems."""
    located = _compose(file)
    problems = [problem for setting in settings if (problem := _set(located, setting))]
    located, missing = _expand(located)
    problems += missing
    recipe: Recipe | None = None
    try:
        recipe = Recipe.model_validate(located.values)
    except ValidationError as error:
        problems += explain(error, located, ())
    if problems or recipe is None:
        raise ConfigError(*problems)
    return located, recipe


def explain(error: ValidationError, located: Located, under: Path) -> list[str]:
    """pydantic's findings as located lines with the nearest valid name, one for each place."""
    found: dict[Path, list[Any]] = {}
    for finding in error.errors(include_url=False):
        found.setdefault(_reached(located.values, under + tuple(finding["loc"]), finding["type"]), []).append(finding)
    return [located.problem(path, _message(path, under, findings)) for path, findings in found.items()]


def _reached(values: Any, path: Path, kind: str) -> Path:
    """The path as far as the recipe goes: pydantic adds the name of each type that a value could have been."""
    if kind == "missing":
        return path
    for depth, part in enumerate(path):
        if not (part in values if isinstance(values, dict) else isinstance(values, list) and isinstance(part, int)):
            return path[:depth]
        values = values[part]
    return path


def _message(path: Path, under: Path, findings: Sequence[Any]) -> str:
    first = findings[0]
    if first["type"] == "extra_forbidden":
        return f"unknown key '{path[-1]}'{suggestion(str(path[-1]), _keys_beside(path))}"
    if first["type"] == "missing":
        return f"'{path[-1]}' is missing"
    name = ".".join(str(part) for part in path[len(under) :]) or "the recipe"
    wants = dict.fromkeys("a mapping" if e["type"] in _MAPPINGS else e["msg"].removeprefix(_SHOULD) for e in findings)
    said = " or ".join(wants)
    lead = _SHOULD.lower() if first["msg"].startswith(_SHOULD) else ""
    return f"{name}: {lead}{said if lead else said[0].lower() + said[1:]}, not {_shown(first['input'])}"


_SHOULD = "Input should be "
_MAPPINGS = ("model_type", "dict_type")


def _keys_beside(path: Path) -> list[str]:
    """The keys there are where this one stands."""
    model = {1: Recipe, 3: StepLine, 4: Resources}.get(len(path), Recipe)
    return [field.alias or name for name, field in model.model_fields.items()]


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def suggestion(wrong: str, valid: Sequence[str]) -> str:
    """`; did you mean 'x'?`, or the list of what there is when nothing is near."""
    near = get_close_matches(wrong, valid, 1, 0.6)
    if near:
        return f"; did you mean '{near[0]}'?"
    return f"; it takes {', '.join(sorted(valid))}" if valid else "; it takes none"


def _value(text: str) -> Any:
    node = yaml.compose(text, Loader=_Loader)
    return None if node is None else _construct(node, (), {}, [])


def _compose(file: str) -> Located:
    try:
        text = storage.read(file).decode()
    except FileNotFoundError:
        raise ConfigError(f"{file}: no such recipe") from None
    except IsADirectoryError:
        raise ConfigError(f"{file}: this is a folder; name the recipe's file") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}:1:1: not UTF-8 text ({error.reason} at byte {error.start})") from None
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{mark.line + 1}:{mark.column + 1}" if mark else "1:1"
        raise ConfigError(f"{file}:{where}: not YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{file}:1:1: not YAML: {str(error).splitlines()[0]}") from None
    if node is None:
        raise ConfigError(f"{file}:1:1: the recipe is empty")
    builder = _Builder()
    values = builder.value(node, ())
    if builder.problems:
        raise ConfigError(*(f"{file}:{line}" for line in builder.problems))
    return Located(file, values, builder.places)


class _Builder:
    """Makes values of YAML nodes and notes where each key and item stands. Aliases are followed, within limits."""

    def __init__(self) -> None:
        self.places: dict[Path, tuple[int, int]] = {}
        self.problems: list[str] = []
        self._above: list[yaml.Node] = []

    def value(self, node: yaml.Node, path: Path) -> Any:
        self.places.setdefault(path, _place(node))
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node)
        if node in self._above or len(self.places) > _MOST_VALUES:
            what = f"'{path[-1]}' contains itself" if node in self._above else f"more than {_MOST_VALUES} values"
            self._problem(node, what)
            return None
        self._above.append(node)
        made = self._mapping(node, path) if isinstance(node, yaml.MappingNode) else self._sequence(node, path)
        self._above.pop()
        return made

    def _sequence(self, node: yaml.Node, path: Path) -> list[Any]:
        return [self.value(item, (*path, n)) for n, item in enumerate(node.value)]

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[Any, Any]:
        made: dict[Any, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._problem(key, "a key must be a word, not a list or a mapping")
                continue
            name = _scalar(key)
            if name in made:
                self._problem(key, f"'{name}' is given twice")
            self.places[(*path, name)] = _place(key)
            made[name] = self.value(value, (*path, name))
        return made

    def _problem(self, node: yaml.Node, what: str) -> None:
        line, column = _place(node)
        problem = f"{line}:{column}: {what}"
        if problem not in self.problems:
            self.problems.append(problem)


def _place(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _scalar(node: yaml.Node) -> Any:
    plain = not getattr(node, "style", None)
    if plain and node.value in _BOOLEAN:
        return _BOOLEAN[node.value]
    resolver: Any = _Scalars("")
    tag = resolver.resolve(yaml.ScalarNode, node.value, (plain, not plain))
    try:
        return resolver.construct_object(yaml.ScalarNode(tag, node.value), deep=True)
    except (yaml.YAMLError, ValueError):
        return str(node.value)


def _expand(located: Located) -> tuple[Located, list[str]]:
    missing: list[str] = []

    def walk(value: Any, path: Path) -> Any:
        if isinstance(value, dict):
            return {k: walk(v, (*path, k)) for k, v in value.items()}
        if isinstance(value, list):
            return [walk(v, (*path, n)) for n, v in enumerate(value)]
        return expand(value, path) if isinstance(value, str) else value

    def expand(value: str, path: Path) -> str:
        for name in _VARIABLE.findall(value):
            if name not in os.environ:
                missing.append(located.problem(path, f"the environment variable {name} is not set"))
        return _VARIABLE.sub(lambda found: os.environ.get(found[1], found[0]), value)

    return Located(located.file, walk(located.values, ()), located.places), missing


def _set(located: Located, setting: str) -> str | None:
    """Applies one `a.b.3.c=value` in place; the problem, if there is one."""
    path, equals, text = setting.partition("=")
    if not equals or not path:
        return f"--set {setting}: write it as path=value, for example steps.3.with.at_least=0.2"
    keys: list[str | int] = [int(k) if k.isdigit() else k for k in path.split(".")]
    holder = located.values
    for key in keys[:-1]:
        if isinstance(holder, dict) and key not in holder:
            holder[key] = {}
        try:
            holder = holder[key]
        except (KeyError, IndexError, TypeError):
            return f"--set {setting}: the recipe has no '{key}' there"
    try:
        holder[keys[-1]] = _value(text)
    except (IndexError, TypeError, yaml.YAMLError):
        return f"--set {setting}: cannot be set there"
    return None
