"""`list`: shows the plug-ins with a line each, or one plug-in with its documentation and its parameters."""

from __future__ import annotations

import inspect
import json
import re
import textwrap
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any

import click
from pydantic.fields import FieldInfo

from interloom.pipeline.cost import Cost
from interloom.pipeline.errors import ConfigError, in_a_line
from interloom.pipeline.execution.kinds.documents import BATCH_DOCUMENTS
from interloom.pipeline.filter import Filter
from interloom.pipeline.planning import plugins
from interloom.pipeline.planning.plugins import Plugin
from interloom.schemas.recipe import Resources

_TYPE_WORDS = {int: "integer", float: "number", str: "string", bool: "true or false", type(None): "null"}
_ENTRY = re.compile(r" {4}(\w+):(.*)")
_WIDTH = 110  # characters; the same as the width of the command's help


def show(name: str | None) -> None:
    """Prints all plug-ins with a line each, or the one with this name (`score_clip` or `stages.score_clip`).

    In the list, a plug-in that cannot be imported has the reason in place of its summary. Raises ConfigError if `name` is
    not a plug-in or cannot be imported.
    """
    for line in _index() if name is None else _details(plugins.find(name if "." in name else _full_name(name))):
        click.echo(line)


def split_docstring(docstring: str) -> tuple[str, dict[str, str]]:
    """The text before the `Parameters:` block at the end of a docstring, and the description of each parameter in the block.

    `"Drops.\\n\\nParameters:\\n    at_least: The least.\\n        Words."` -> `("Drops.", {"at_least": "The least. Words."})`.
    """
    text, heading, block = inspect.cleandoc(docstring).partition("\nParameters:\n")
    if not heading:
        return text, {}
    descriptions: dict[str, list[str]] = {}
    for line in block.splitlines():
        entry = _ENTRY.fullmatch(line)
        if entry:
            descriptions[entry[1]] = [entry[2].strip()]
        elif descriptions and line.strip():
            descriptions[list(descriptions)[-1]].append(line.strip())
    return text.rstrip(), {name: " ".join(lines).strip() for name, lines in descriptions.items()}


def docstring_of(plugin: Plugin) -> str:
    """The docstring of a plug-in's class, or of its function if it is a filter."""
    return inspect.getdoc(plugin.what.judge if isinstance(plugin.what, Filter) else plugin.what) or ""


def _index() -> Iterator[str]:
    for use in plugins.available():
        try:
            summary = plugins.find(use).summary
        except ConfigError as error:
            summary = in_a_line(error)
        yield f"{use:32} {summary}"


def _details(plugin: Plugin) -> Iterator[str]:
    text, descriptions = split_docstring(docstring_of(plugin))
    yield from (f"{plugin.use} ({plugin.shape})", "", text)
    yield from ("", "Resources of a worker, if the recipe says nothing:", *(f"    {line}" for line in _resources(plugin)))
    for name, field in plugin.model.model_fields.items():
        yield from ("", f"{name}: {plain_type(field.annotation)}, {_default(field)}")
        indent = "    "
        yield from textwrap.wrap(descriptions.get(name, ""), _WIDTH, initial_indent=indent, subsequent_indent=indent)


def _resources(plugin: Plugin) -> Iterator[str]:
    """What a worker takes if the recipe says nothing, and what each document may."""
    kind, default = plugin.kind, Resources()
    gpu = "no GPU; it runs a model, so `gpus: 1` makes it faster" if kind.uses_gpu else "no GPU"
    besides = " besides its model" if kind.uses_gpu else ""
    yield f"{default.cpus:g} CPU, {gpu}"
    reserved = ", which Ray reserves" if kind.uses_gpu else ""
    yield f"about {kind.memory_bytes / 1e9:.1f} GB{besides}{reserved}; `plan --sample` measures what your documents take"
    if plugin.shape in ("stage", "global"):
        yield f"up to {BATCH_DOCUMENTS} documents at a time"
    if kind.isolated is not None:
        limits = f"{kind.isolated.timeout_s:g} s of CPU time and {kind.isolated.memory_bytes / (1 << 30):g} GiB"
        yield f"each document by itself in a child process, with up to {limits}"
    if kind.cost != Cost():
        yield f"its units are cut by {kind.cost}"


def _full_name(name: str) -> str:
    """`score_clip` -> `stages.score_clip`; a name that no plug-in has stays as it is."""
    return next((use for use in plugins.available() if use.endswith("." + name)), name)


def _default(field: FieldInfo) -> str:
    """The default as one would write it in a recipe: `default null`, `default ["en"]`."""
    if field.is_required():
        return "required"
    return f"default {json.dumps(field.get_default(call_default_factory=True), ensure_ascii=False)}"


def plain_type(annotation: Any) -> str:
    """A parameter's type in the words of YAML and JSON Schema: `tuple[str, ...] | None` -> `list of string or null`."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return _alternatives([json.dumps(value) for value in arguments])
    if origin in (types.UnionType, typing.Union):
        return _alternatives([plain_type(argument) for argument in arguments])
    if origin in (tuple, list):
        return f"list of {plain_type(arguments[0])}"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"mapping of {plain_type(arguments[0])} to {plain_type(arguments[1])}"
    return _TYPE_WORDS.get(annotation, getattr(annotation, "__name__", str(annotation)))


def _alternatives(words: list[str]) -> str:
    """`["a", "b", "c"]` -> `a, b or c`."""
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
