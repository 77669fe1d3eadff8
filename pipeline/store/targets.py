"""Where sinks write to: whose data lie in a target folder. A run replaces only what it wrote itself."""

from __future__ import annotations

import json
import os
from typing import Any

from interloom.pipeline.errors import FatalError
from interloom.pipeline.store import storage

MANIFEST = "manifest.json"
WRITING = "writing.json"
"""In a target while shards are written: the fingerprint of who writes, and the files of whom it replaces."""
_KNOWN = "targets"
"""In the run's folder: a file for each fingerprint that the run has written a manifest or mark with, so that it knows its own."""


def current(folder: str) -> dict[str, Any]:
    """The manifest in the folder, or else the mark of who is writing; empty if there is neither. Raises FatalError for a file of
    such a name that Interloom did not write."""
    path = next((p for name in (MANIFEST, WRITING) if storage.exists(p := storage.join(folder, name))), None)
    if path is None:
        return {}
    values = _mapping(path)
    if "fingerprint" not in values:
        raise FatalError(f"{path}: not written by Interloom and would be replaced; send the shards to a folder of their own")
    return values


def remember(run: str, fingerprint: str, folder: str) -> None:
    """Notes in the run's folder that a manifest or mark with this fingerprint is the run's own."""
    storage.write(storage.join(run, _KNOWN, fingerprint), json.dumps({"to": folder}).encode())


def foreign_data(run: str, folder: str) -> str:
    """Why the run must not write to this folder (local or `s3://`): it holds data that the run did not write; else empty.

    The run's own data are known by the fingerprint in their manifest, or in the mark of a sink that was interrupted. Raises
    FatalError for a manifest that Interloom did not write.
    """
    if not storage.list_names(folder):
        return ""
    fingerprint = str(current(folder).get("fingerprint", ""))
    if fingerprint and storage.exists(storage.join(run, _KNOWN, fingerprint)):
        return ""
    return f"{folder} holds data that this run did not write; choose another `to`, or pass --overwrite to replace its shards"


def misplaced(run: str, folder: str) -> str:
    """Why a sink cannot write to this folder, wherever its data come from; else empty."""
    if not storage.is_remote(folder) and os.path.isfile(folder):
        return f"{folder} is a file; name a folder"
    inner, outer = storage.canonical(folder), storage.canonical(run)
    if inner == outer or (outer + "/").startswith(inner + "/"):
        return f"{folder} holds the run's own folder; send the shards to a folder beside or below it"
    if (inner + "/").startswith(storage.join(outer, "work") + "/"):
        return f"{folder} lies among the run's intermediate results"
    if (inner + "/").startswith(storage.join(outer, "reports") + "/"):
        return f"{folder} lies among the run's reports"
    return ""


def not_a_run(run: str) -> str:
    """Why this cannot be the run's folder: it is a file, or its plan.json is not that of a run; else empty."""
    if storage.is_remote(run):
        return ""
    if os.path.isfile(run):
        return f"{run} is a file; name a folder"
    plan = os.path.join(run, "plan.json")
    if not os.path.isfile(plan):
        return ""
    return "" if "phases" in _mapping(plan) else f"{plan} was not written by Interloom; choose another folder"


def _mapping(path: str) -> dict[str, Any]:
    """The JSON object in a file; empty if it holds anything else."""
    try:
        values = json.loads(storage.read(path))
    except ValueError:
        return {}
    return values if isinstance(values, dict) else {}
