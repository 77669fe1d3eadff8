"""From a recipe line to a plug-in: the file named by `use`, its parameters checked against its own signature.

The driver checks, the worker builds; no plug-in is ever pickled.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import json
import pkgutil
import typing
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import lru_cache
from types import ModuleType
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, create_model

from interloom.pipeline.errors import ConfigError, Failure, did_you_mean, guarded
from interloom.pipeline.filter import Filter
from interloom.pipeline.planning.fingerprint import OURS, ROOT, digest_of_code
from interloom.pipeline.planning.parameter_rules import VALIDATORS
from interloom.pipeline.stage import GlobalStage, Shape, Sink, Source, Stage, Step
from interloom.schemas.columns import SIDE_TABLES


@dataclass(frozen=True)
class Plugin:
    """What a `use` names: the object, its parameter model, and a hash of its code (`fingerprint.digest_of_code`)."""

    use: str
    what: type[Step] | Filter
    model: type[BaseModel]
    code: str

    @property
    def shape(self) -> Shape:
        shapes: dict[type[Step], Shape] = {Source: "source", GlobalStage: "global", Sink: "sink"}
        return next((shape for kind, shape in shapes.items() if issubclass(self.kind, kind)), "stage")

    @property
    def kind(self) -> type[Step]:
        """The class that carries the step's attributes (`checkpoint`, `isolated`, ...)."""
        return Stage if isinstance(self.what, Filter) else self.what

    @property
    def summary(self) -> str:
        """The first line of its docstring."""
        return (inspect.getdoc(self.what.judge if isinstance(self.what, Filter) else self.what) or "").partition("\n")[0]

    def build(self, parameters: Mapping[str, Any]) -> Step:
        """The step with these parameters (as plain JSON values)."""
        checked = self.model.model_validate(dict(parameters))
        values = {name: getattr(checked, name) for name in type(checked).model_fields}
        if isinstance(self.what, Filter):
            return self.what.with_parameters(values)
        return self.what(**values)

    def parameters_of(self, step: Step) -> dict[str, Any]:
        """The parameters with which `build` makes this step."""
        values = {name: getattr(step, name) for name in self.model.model_fields}
        return self.model.model_validate(values).model_dump(mode="json")


@lru_cache(maxsize=512)
def find(use: str) -> Plugin:
    """The plug-in that `use` names. Raises ConfigError: no such file, or it does not hold what its name says."""
    name, path = use.rpartition(".")[2], module_of(use)
    if not all(part.isidentifier() for part in use.split(".")) or use.partition(".")[0] == ROOT:
        raise ConfigError(f"no '{use}'" + _nearest(use))
    module = guarded(lambda: _imported(use, path))
    if isinstance(module, Failure):
        raise ConfigError(f"{use} cannot be imported: {module.message}")
    what = getattr(module, name, None) or getattr(module, camel(name), None)
    if not (isinstance(what, Filter) or (isinstance(what, type) and issubclass(what, Step))):
        raise ConfigError(f"{use} must hold a filter '{name}' or a step class '{camel(name)}'")
    try:
        if isinstance(what, type):
            _check_side_tables(what)
        return Plugin(use, what, _model(use, what), digest_of_code(path))
    except ConfigError as error:
        raise ConfigError(f"{use}: {error}") from None


def _check_side_tables(what: type[Step]) -> None:
    """Raises ConfigError for a side table that does not exist, or that a child process would have to read."""
    for name in (*what.side_tables, *(what.sketch_tables if issubclass(what, GlobalStage) else ())):
        if name not in SIDE_TABLES:
            raise ConfigError(f"no side table '{name}'{did_you_mean(name, SIDE_TABLES)}")
    if what.side_tables and what.isolated:
        raise ConfigError("a step in a child process (`isolated`) cannot read side tables")


def _imported(use: str, path: str) -> ModuleType:
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError as error:
        if error.name and not (path == error.name or path.startswith(error.name + ".")):
            raise ConfigError(f"{use} needs the package '{error.name}'; install it: pip install {error.name}") from None
        raise ConfigError(f"no '{use}'" + _nearest(use)) from None
    except SystemExit:
        raise ConfigError(f"{use} cannot be imported: it ends the program") from None


def module_of(use: str) -> str:
    """The module that `use` names: `stages.` and `filters.` always mean ours."""
    return f"{ROOT}.{use}" if use.partition(".")[0] in OURS else use


def forget() -> None:
    """Forgets every plug-in and step that was loaded, because other code may be meant by the same names now."""
    find.cache_clear()
    step.cache_clear()
    digest_of_code.cache_clear()


def camel(name: str) -> str:
    """score_clip -> ScoreClip."""
    return "".join(part.capitalize() for part in name.split("_"))


@lru_cache(maxsize=64)
def step(use: str, parameters: str, version: str = "") -> Step:
    """The built step for parameters in JSON, kept by this process, so that a model is loaded once. Another `version` (of the
    files that the parameters name) is another step."""
    return find(use).build(json.loads(parameters))


def available() -> Iterator[str]:
    """Every `use` of our own, in order."""
    for package in OURS:
        root = importlib.util.find_spec(f"{ROOT}.{package}")
        for module in pkgutil.iter_modules(root.submodule_search_locations if root else None):
            if not module.name.startswith("_"):
                yield f"{package}.{module.name}"


RENAMED = {"stages.read_screen_text": "stages.extract_screen_text", "filters.band": "filters.score_range"}
"""Plug-ins that were called otherwise, for the message to a recipe that still has the old name."""


def _nearest(use: str) -> str:
    from interloom.pipeline.planning.recipe import suggestion

    if use in RENAMED:
        return f"; it is called '{RENAMED[use]}' now"
    package = use.partition(".")[0]
    near = [name for name in available() if package not in OURS or name.startswith(package + ".")]
    hint = suggestion(use, near)
    return hint if hint.startswith("; did") else "; `interloom list` shows what there is"


def _model(use: str, what: type[Step] | Filter) -> type[BaseModel]:
    named = _filter_parameters(what) if isinstance(what, Filter) else _class_parameters(what)
    config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())
    return create_model(use, __config__=config, __validators__=VALIDATORS, **cast(Any, named))


def _filter_parameters(what: Filter) -> dict[str, tuple[Any, Any]]:
    hints = typing.get_type_hints(what.judge, include_extras=True)
    keyword = (p for p in inspect.signature(what.judge).parameters.values() if p.kind is p.KEYWORD_ONLY)
    return {p.name: (_annotated(hints, p.name), ... if p.default is p.empty else p.default) for p in keyword}


def _annotated(hints: Mapping[str, Any], name: str) -> Any:
    if name not in hints:
        raise ConfigError(f"its parameter '{name}' needs a type annotation")
    return hints[name]


def _class_parameters(what: type[Step]) -> dict[str, tuple[Any, Any]]:
    if not is_dataclass(what):
        return {}
    hints = typing.get_type_hints(what, include_extras=True)
    named = {}
    for field in fields(what):
        default = field.default_factory() if field.default_factory is not MISSING else field.default
        named[field.name] = (hints[field.name], ... if default is MISSING else default)
    return named
