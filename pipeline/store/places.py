"""Where runs and sinks may write: not among the files of others, and not among those of another run."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from interloom.pipeline.errors import ConfigError
from interloom.pipeline.store import storage
from interloom.pipeline.store.parts import read_mapping
from interloom.pipeline.store.targets import MANIFEST, WRITING

_OWN_FOLDERS = {
    "work": "intermediate results",
    "reports": "reports",
    "lease": "notes on its driver",
    "targets": "notes on its targets",
    "code": "plug-ins",
}
_PLAN, _RECIPE, _LEASE = "plan.json", "recipe.yaml", "lease"


def misplaced(run: str, folder: str) -> str:
    """Why a sink cannot write to this folder, wherever its data come from; else empty.

    A folder that holds shards already may have been closed to writing since: a finished run only looks at them.
    """
    if not storage.is_remote(folder) and os.path.isfile(folder):
        return f"{folder} is a file; name a folder"
    if not storage.is_remote(folder) and not os.path.exists(os.path.join(folder, MANIFEST)) and (problem := _unwritable(folder)):
        return f"{problem}; choose another folder for the shards"
    inner, outer = storage.canonical(folder), storage.canonical(run)
    if inner == outer or (outer + "/").startswith(inner + "/"):
        return f"{folder} holds the run's own folder; send the shards to a folder beside or below it"
    for name, what in _OWN_FOLDERS.items():
        if (inner + "/").startswith(storage.join(outer, name) + "/"):
            return f"{folder} lies among the run's {what}; choose another folder, or another id for the step"
    return _inside_another(folder, outer)


def not_a_run(run: str, name: str = "") -> str:
    """Why this cannot be the run's folder: it is a file, it holds what no run wrote, it lies in another run, or it is that of a
    recipe of another name (unless `name` is empty); else empty.

    A run's folder is known by its plan.json; if that is damaged or gone, by the lease or the units beside it. Hidden files and
    empty folders do not count.
    """
    if not storage.is_remote(run) and os.path.isfile(run):
        return f"{run} is a file; name a folder"
    if problem := _unwritable(run):
        return f"{problem}; choose another run folder"
    names = [name for name in storage.list_names(run) if not name.startswith(".")]
    plan = storage.join(run, _PLAN)
    if _PLAN in names:
        stored = read_mapping(plan)
        if "phases" not in stored and "work" not in names:
            return f"{plan} was not written by Interloom; choose another folder"
        return _of_another(run, stored, name)
    if any(name.removesuffix(".json").isdigit() for name in storage.list_names(storage.join(run, _LEASE))):
        return ""
    if _RECIPE in names:
        return f"{storage.join(run, _RECIPE)} would be replaced, and no run wrote it; choose another folder"
    if foreign := [name for name in names if not _is_empty_folder(storage.join(run, name))]:
        return f"{run} holds {foreign[0]}, which no run wrote; choose an empty folder, for example {storage.join(run, 'run')}"
    return _inside_another(run)


def _of_another(run: str, plan: Mapping[str, Any], name: str) -> str:
    """Why a recipe of this name cannot use the folder of this plan: it would replace the shards of another one; else empty."""
    own = plan.get("plan")
    other = own.get("name", name) if name and isinstance(own, Mapping) else name
    if other == name:
        return ""
    told = f"{run} is the run of the recipe '{other}', whose results this one would replace"
    return f"{told}; choose another folder, or pass --overwrite"


def _unwritable(folder: str) -> str:
    """Why a folder cannot be made or written to, by the rights at the nearest one that is there; else empty."""
    there = os.path.abspath(folder)
    while not os.path.exists(there) and there != "/":
        there = os.path.dirname(there)
    if storage.is_remote(folder) or (os.path.isdir(there) and os.access(there, os.W_OK | os.X_OK)):
        return ""
    what = "cannot be written to" if os.path.isdir(there) else "is no folder"
    return f"{folder}: {there} {what}"


def _is_empty_folder(path: str) -> bool:
    return not storage.is_remote(path) and os.path.isdir(path) and not os.listdir(path)


def _inside_another(folder: str, own_run: str = "") -> str:
    """Why nothing can be written to a folder that lies in the folder or in a target of another run; else empty."""
    for parent in _parents(storage.canonical(folder)):
        if parent == own_run:
            break
        if "phases" in _stored(parent, _PLAN):
            return f"{folder} lies in the run {parent}; choose a folder outside of it"
        if any("fingerprint" in _stored(parent, name) for name in (MANIFEST, WRITING)):
            return f"{folder} lies in {parent}, which holds the shards of a run; choose a folder outside of it"
    return ""


def _parents(path: str) -> Iterator[str]:
    """The folders around a folder, the next one first; of an object up to its bucket."""
    while (path := path.rpartition("/")[0]) and not path.endswith(":/"):
        yield path


def _stored(folder: str, name: str) -> dict[str, object]:
    """The JSON object in a file of a folder; empty if there is none, or none that we may look at."""
    try:
        return read_mapping(storage.join(folder, name))
    except ConfigError:
        return {}
