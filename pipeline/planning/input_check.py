"""Checks that a run does not read what it writes: its folder, or a sink's, inside the input."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from interloom.pipeline.planning.plugins import Plugin
from interloom.pipeline.planning.recipe import Problems
from interloom.pipeline.stage import Source
from interloom.pipeline.store import storage
from interloom.pipeline.store.local_files import linked_folders

_WRITTEN = (".parquet", ".tar")
"""Endings of what runs write and sources may read."""


def check_inputs(
    run: str, plugins: Sequence[Plugin | None], parameters: Sequence[Mapping[str, Any] | None], problems: Problems
) -> None:
    """Finds sources whose folder contains the run's folder or a sink's: a second run would read the first one's shards."""
    targets = [str((values or {}).get("to") or "") for values in parameters]
    places = [place for place in (run, *targets) if place and not storage.is_remote(place)]
    for n, (plugin, values) in enumerate(zip(plugins, parameters, strict=True)):
        if plugin is None or values is None or not issubclass(plugin.kind, Source):
            continue
        if not any(ending in plugin.kind.endings for ending in _WRITTEN):
            continue
        for folder in _folders(values.get("paths")):
            if inside := [place for place in places if _is_inside(place, folder)]:
                message = f"{inside[0]} lies in the input {folder}, so what this run writes would be read; write to another place"
                problems.add(("steps", n, "with", "paths"), message)


def _folders(paths: Any) -> Iterator[str]:
    """The local folders of which everything is read."""
    for path in [paths] if isinstance(paths, str) else paths or ():
        whole = path.partition("**")[0].rstrip("/") if "**" in path else path
        if not storage.is_remote(path) and os.path.isdir(whole or "."):
            yield whole or "."


def _is_inside(place: str, folder: str) -> bool:
    """Whether what is in the place is found in the folder, also through links to folders."""
    inner = storage.canonical(place)
    outer = (storage.canonical(folder), *linked_folders(folder))
    return any(inner == path or inner.startswith(path.rstrip("/") + "/") for path in outer)
