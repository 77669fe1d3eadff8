"""Reads a recipe: YAML with the place of every value, `${VAR}` from the environment, `~/`, `--set path=value`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import BaseModel, ValidationError

from interloom.pipeline.errors import ConfigError, did_you_mean, in_a_line
from interloom.pipeline.planning.beside_recipe import anchored
from interloom.pipeline.planning.recipe_text import UNSET, text_of, variables
from interloom.pipeline.planning.yaml_marks import Marks, Path, YamlError, parse
from interloom.pipeline.ranges import STATED
from interloom.pipeline.store import storage
from interloom.pipeline.store.local_files import at_home
from interloom.schemas.recipe import Brings, Recipe, Resources, StepLine

UNSET_VARIABLE = "the environment variable"
"""What begins the problem of a variable that is not set."""
_ITEM = re.compile(r"[0-9]{1,9}")
"""A part of a path that is the number of an item of a list."""


@dataclass(frozen=True, slots=True)
class Located:
    """A recipe's values, and for each of their paths the line and column (1-based) where it stands in `file`, whose text is
    `text`."""

    file: str
    values: Any
    marks: Marks
    text: str = ""
    variables: tuple[str, ...] = ()
    """The environment variables that the file and the settings name, but for those that every machine sets for itself."""
    problems: tuple[str, ...] = ()
    """What is wrong so far; checking goes on without the offending keys, so that all mistakes are reported at once."""


@dataclass(slots=True)
class Problems:
    """Collects what is wrong with a recipe, each problem as one line: `file:line:column: message`."""

    located: Located
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lines += self.located.problems

    def add(self, path: Path, message: str) -> None:
        """Adds a problem at the path's own place, or at that of the nearest thing around it."""
        while path and path not in self.located.marks:
            path = path[:-1]
        line, column = self.located.marks.get(path, (1, 1))
        self.lines.append(f"{self.located.file}:{line}:{column}: {message}")

    def add_findings(self, error: ValidationError, under: Path) -> None:
        """Adds pydantic's findings, one line for each place, with the nearest valid name."""
        by_place: dict[Path, list[Any]] = {}
        for finding in error.errors(include_url=False):
            place = _reachable(self.located.values, under + tuple(finding["loc"]), finding["type"])
            by_place.setdefault(place, []).append(finding)
        for place, findings in by_place.items():
            is_left_empty = findings[0]["type"] == "too_short" and findings[0]["input"]  # pydantic leaves wrong items out
            if not is_left_empty:
                self.add(place, _message(place, under, findings))

    def raise_if_any(self) -> None:
        """Raises ConfigError with all problems, in the order of the file."""
        if self.lines:
            raise ConfigError(*in_order(self.lines))


def read_recipe(file: str, settings: Sequence[str] = ()) -> tuple[Located, Recipe]:
    """The recipe of a file with `settings` (`steps.3.with.at_least=0.2`) applied.

    What is wrong but leaves the rest readable is in `Located.problems`, for `make_plan` to report together with what it
    finds. Raises ConfigError when the rest cannot be understood.
    """
    located = _read(file)
    problems = Problems(replace(located, variables=variables(located.text, settings)))
    for setting in settings:
        _set(problems, setting)
    problems.located = _expand(problems)
    values = deepcopy(problems.located.values)
    for _ in range(_ROUNDS):
        try:
            recipe = Recipe.model_validate(values)
            return replace(problems.located, problems=tuple(problems.lines)), recipe
        except ValidationError as error:
            problems.located = replace(problems.located, values=values)
            problems.add_findings(error, ())
            if not _pruned(values, error):
                break
    raise ConfigError(*in_order(problems.lines))


_ROUNDS = 4
"""How often keys that are wrong are taken out to check the rest."""
_STAND_INS = {("name",): "unnamed", ("run",): "nowhere"}


def _pruned(values: Any, error: ValidationError) -> bool:
    """Takes the keys that are wrong out of the values, so that the rest can be checked; False if that is not possible."""
    for finding in error.errors(include_url=False):
        path = _reachable(values, tuple(finding["loc"]), finding["type"])
        if path in _STAND_INS:
            values[path[0]] = _STAND_INS[path]
            continue
        holder = values
        for part in path[:-1]:
            holder = holder[part] if not isinstance(holder, dict) or part in holder else None
        if finding["type"] == "missing" or path in ((), ("steps",)) or not isinstance(holder, dict):
            return False
        holder.pop(path[-1], None)
    return True


def _reachable(values: Any, path: Path, kind: str) -> Path:
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
    if first["type"] == STATED:
        return str(first["msg"])
    if first["type"] == "too_short":
        return f"{name}: is empty; give at least one"
    wants = dict.fromkeys("a mapping" if e["type"] in _MAPPINGS else e["msg"].removeprefix(_SHOULD) for e in findings)
    expected = " or ".join(wants)
    lead = _SHOULD.lower() if first["msg"].startswith(_SHOULD) else ""
    return f"{name}: {lead}{expected if lead else expected[0].lower() + expected[1:]}, not {_shown(first['input'])}"


_SHOULD = "Input should be "
_MAPPINGS = ("model_type", "dict_type")


def _keys_beside(path: Path) -> list[str]:
    """The keys there are where this one stands."""
    models: dict[int, type[BaseModel]] = {1: Recipe, 3: StepLine, 4: Brings if "brings" in path else Resources}
    model = models.get(len(path), Recipe)
    return [field.alias or name for name, field in model.model_fields.items()]


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def in_order(problems: Iterable[str]) -> list[str]:
    """Problems by their place in the file; those without a place (`--set`) first."""

    def place(problem: str) -> tuple[int, int]:
        match = _PLACE.search(problem)
        return (int(match[1]), int(match[2])) if match else (0, 0)

    return sorted(dict.fromkeys(problems), key=place)


_PLACE = re.compile(r":(\d+):(\d+): ")


def suggestion(wrong: str, valid: Sequence[str]) -> str:
    """What to write instead of a wrong name: `; did you mean 'x'?`, or the list of valid names when none is near."""
    takes = f"; it takes {', '.join(sorted(valid))}" if valid else "; it takes none"
    return did_you_mean(wrong, valid) or takes


def _read(file: str) -> Located:
    try:
        text = text_of(file)
    except FileNotFoundError:
        raise ConfigError(f"{file}: no such recipe") from None
    except IsADirectoryError:
        raise ConfigError(f"{file}: this is a folder; name the recipe's file") from None
    except OSError as error:
        if storage.is_remote(file):
            raise
        raise ConfigError(f"{file}: {error.strerror or in_a_line(error)}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}:1:1: not UTF-8 text ({error.reason} at byte {error.start})") from None
    try:
        values, marks = parse(text)
    except YamlError as error:
        raise ConfigError(*(f"{file}:{problem}" for problem in error.problems)) from None
    return Located(file, anchored(values, file), marks, text)


def _expand(problems: Problems) -> Located:
    """The recipe with `${NAME}` replaced by the environment's values, and `~/` before a value by the home folder."""

    def walk(value: Any, path: Path) -> Any:
        if isinstance(value, dict):
            return {k: walk(v, (*path, k)) for k, v in value.items()}
        if isinstance(value, list):
            return [walk(v, (*path, n)) for n, v in enumerate(value)]
        return expand(value, path) if isinstance(value, str) else value

    def expand(value: str, path: Path) -> str:
        for name in UNSET.findall(value):
            if name not in os.environ:
                problems.add(path, f"{UNSET_VARIABLE} {name} is not set")
        return at_home(UNSET.sub(lambda match: os.environ.get(match[1], match[0]), value))

    return replace(problems.located, values=walk(problems.located.values, ()))


def _set(problems: Problems, setting: str) -> None:
    """Applies one `a.b.3.c=value` in place."""
    path, equals, text = setting.partition("=")
    if not equals or not path:
        problems.lines.append(f"--set {setting}: write it as path=value, for example steps.3.with.at_least=0.2")
        return
    keys: list[str | int] = [int(k) if _ITEM.fullmatch(k) else k for k in path.split(".")]
    holder = problems.located.values
    for key in keys[:-1]:
        if isinstance(holder, dict) and key not in holder:
            holder[key] = {}
        try:
            holder = holder[key]
        except (KeyError, IndexError, TypeError):
            problems.lines.append(f"--set {setting}: the recipe has no '{key}' there")
            return
    try:
        holder[keys[-1]] = parse(text or "null")[0]
    except YamlError as error:
        problems.lines.append(f"--set {setting}: {error.problems[0].split(' ', 1)[1].replace('the file', 'the value')}")
    except (IndexError, TypeError):
        problems.lines.append(f"--set {setting}: cannot be set there")
