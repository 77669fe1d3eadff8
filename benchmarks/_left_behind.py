"""What a finished run has, and what in its folder, its targets or the folder for temporary files does not belong there."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from interloom.pipeline.store import commits, run_reader, storage

_OF_A_RUN = ("recipe.yaml", "plan.json", "finished.json")


def hashes(run: str, sinks: Sequence[str]) -> dict[str, str]:
    """sha256 of each file in the folders of the sinks, by its name below the run."""
    files = (file.path for sink in sinks for file in storage.glob(storage.join(run, sink) + "/"))
    return {path.removeprefix(run): hashlib.sha256(storage.read(path)).hexdigest() for path in files}


def foreign(run: str, sinks: Sequence[str]) -> list[str]:
    """The files of a finished run that neither its plan, nor its commits or manifests name."""
    own = {storage.join(run, name) for name in _OF_A_RUN} | set(_work(run)) | set(_sinks(run, sinks))
    there = {file.path for file in storage.glob(run.rstrip("/") + "/")} | set(_hidden(run))
    leases = sorted(path for path in there if path.startswith(storage.join(run, "lease") + "/"))
    notes = {path for path in there if path.startswith(storage.join(run, "targets") + "/") and ".shards/" not in path}
    notes |= {path for path in there if "/killed/" in path}
    return sorted(there - own - notes - set(leases[-1:]))


def _work(run: str) -> Iterator[str]:
    for phase in run_reader.phases(run):
        yield storage.join(run, phase.folder, "units.json")
        units = run_reader.units(run, phase) or []
        yield from (storage.join(run, phase.folder, "commits", f"{unit}.json") for unit in units)
        for commit in commits.committed(run, phase).values():
            yield from (storage.join(run, file.path) for file in commit.files)


def _sinks(run: str, sinks: Iterable[str]) -> Iterator[str]:
    for sink in sinks:
        manifest: dict[str, Any] = json.loads(storage.read(storage.join(run, sink, "manifest.json")))
        files = [*manifest["beside"], *(file for shard in manifest["shards"] for file in shard["files"])]
        yield from (storage.join(run, sink, name) for name in ("manifest.json", *(file["name"] for file in files)))


def _hidden(run: str) -> Iterator[str]:
    """Files that were being written; listings leave them out."""
    if not storage.is_remote(run):
        yield from (str(path) for path in Path(run).rglob("*") if path.is_file() and path.name.startswith("."))


def temporary(folder: str) -> list[str]:
    """What Interloom left in the folder for temporary files."""
    return sorted(name for name in os.listdir(folder) if name.startswith("interloom"))
