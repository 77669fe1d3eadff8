"""Where the target of a sink lies, as the run notes it: so that it is found from any folder and after a move of both."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from interloom.pipeline.store import storage
from interloom.pipeline.store.object_stores import scheme_of


def noted(run: str, folder: str) -> dict[str, str]:
    """What the run notes of where it and the target lie."""
    return {"to": place(run, folder), "from_run": _from_run(run, folder), "run": storage.canonical(run)}


def place(run: str, folder: str) -> str:
    """How the run's notes name a target: below the run relative to it, so that a run can be moved with its shards."""
    inner, outer = storage.canonical(folder), storage.canonical(run)
    return inner.removeprefix(outer + "/")


def _from_run(run: str, folder: str) -> str:
    """The target relative to the run, which holds when both are moved together; empty if they are in different stores."""
    inner, outer = storage.canonical(folder), storage.canonical(run)
    return os.path.relpath(inner, outer) if scheme_of(inner) == scheme_of(outer) else ""


def is_about(run: str, folder: str, record: Mapping[str, Any]) -> bool:
    """Whether a note is about this folder."""
    if record.get("from_run") and record["from_run"] == _from_run(run, folder):
        return True
    return record.get("to") in (place(run, folder), storage.canonical(folder))  # the latter as earlier versions noted it


def named(run: str, record: Mapping[str, Any]) -> list[str]:
    """Where the target of a note may lie: as seen from the run, then where it was when the note was written."""
    names = [record.get("from_run"), record.get("to")]
    return [_resolved(run, name) for name in names if isinstance(name, str) and name]


def _resolved(run: str, name: str) -> str:
    if storage.is_remote(name) or os.path.isabs(name):
        return name
    scheme = scheme_of(run)
    return scheme + os.path.normpath(os.path.join(storage.canonical(run).removeprefix(scheme), name))
