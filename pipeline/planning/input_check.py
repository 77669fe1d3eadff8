"""Checks that a run does not read what it writes: its folder, or a sink's, inside the input."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from interloom.pipeline.planning import graph
from interloom.pipeline.planning.plugins import Plugin
from interloom.pipeline.planning.recipe import Problems
from interloom.pipeline.planning.sink_targets import target_of
from interloom.pipeline.stage import Source
from interloom.pipeline.store import storage
from interloom.pipeline.store.local_files import linked_folders
from interloom.pipeline.store.object_patterns import WILD, is_named

_WRITTEN = (".parquet", ".tar")
"""Endings of what runs write and sources may read."""
_SHARDS = (
    "data/shard-000000.parquet",
    *(f"shard-000000{ending}" for ending in (".tar", ".jsonl", ".json")),
    "work/step/unit/documents-0000.parquet",
)
"""Files that a run writes into its folder or into a sink's, by which patterns are tried."""


def check_inputs(
    run: str,
    plugins: Sequence[Plugin | None],
    connected: graph.Graph,
    parameters: Sequence[Mapping[str, Any] | None],
    problems: Problems,
) -> None:
    """Finds sources that would read what lies in the run's folder or a sink's: a second run would read the first one's shards."""
    lines = zip(connected.nodes, parameters, strict=True)
    places = [run, *(target_of(run, node, values) for node, values in lines if node.shape == "sink")]
    for n, (plugin, values) in enumerate(zip(plugins, parameters, strict=True)):
        if plugin is None or values is None or not issubclass(plugin.kind, Source):
            continue
        if not any(ending in plugin.kind.endings for ending in _WRITTEN):
            continue
        paths = values.get("paths") or ()
        for path in [paths] if isinstance(paths, str) else paths:
            if inside := [place for place in places if _reads(path, place)]:
                input_ = _folder(path) or path
                message = f"{inside[0]} lies in the input {input_}, so what this run writes would be read; write to another place"
                problems.add(("steps", n, "with", "paths"), message)


def _reads(path: str, place: str) -> bool:
    """Whether a path of an input names files of a run or sink whose folder is this place."""
    if storage.is_remote(path) != storage.is_remote(place):
        return False
    folder = _folder(path)
    if folder:
        return _is_inside(place, folder)
    pattern = path if storage.is_remote(path) else os.path.abspath(path)
    return any(is_named(storage.join(storage.canonical(place), shard), pattern) for shard in _SHARDS)


def _folder(path: str) -> str:
    """The folder of which a path reads everything; empty if it reads none whole."""
    if storage.is_remote(path):
        whole = path.partition("**")[0].rstrip("/")
        return "" if WILD.search(whole) else whole
    whole = path.partition("**")[0].rstrip("/") if "**" in path else path
    return whole or "." if os.path.isdir(whole or ".") else ""


def _is_inside(place: str, folder: str) -> bool:
    """Whether what is in the place is found in the folder, also through links to folders."""
    inner = storage.canonical(place)
    links = [] if storage.is_remote(folder) else linked_folders(folder)
    outer = (storage.canonical(folder), *links)
    return any(inner == path or inner.startswith(path.rstrip("/") + "/") for path in outer)
