"""`list`: what there is, from the files themselves."""

from __future__ import annotations

import inspect
from typing import Any

import click

from interloom.pipeline.filter import Filter
from interloom.pipeline.planning import plugins


def show(name: str | None) -> None:
    """All plug-ins with a line each, or one with its parameters and documentation."""
    if name is None:
        for use in plugins.available():
            plugin = plugins.find(use)
            click.echo(f"{use:32} {plugin.summary}")
        return
    plugin = plugins.find(name if "." in name else _full(name))
    what = plugin.what.judge if isinstance(plugin.what, Filter) else plugin.what
    click.echo(f"{plugin.use} ({plugin.shape})\n\n{inspect.getdoc(what)}\n")
    for parameter, field in plugin.model.model_fields.items():
        default = "required" if field.is_required() else f"default {field.get_default(call_default_factory=True)!r}"
        click.echo(f"  {parameter}: {_type(field.annotation)}, {default}")


def _full(name: str) -> str:
    return next((use for use in plugins.available() if use.endswith("." + name)), name)


def _type(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) and not hasattr(annotation, "__args__") else str(annotation)
