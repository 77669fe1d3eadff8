"""Where sinks write to: whose data lie in a target folder. A run replaces only what it wrote itself, and one writes at a time."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any

from interloom.pipeline.errors import FatalError
from interloom.pipeline.planning.fingerprint import digest
from interloom.pipeline.store import storage
from interloom.pipeline.store.parts import UNITS
from interloom.pipeline.store.shards import ShardFile

MANIFEST = "manifest.json"
WRITING = "writing.json"
"""In a target that a run has claimed: its folder, the fingerprint of what it writes, and the files that are replaced."""
_KNOWN = "targets"
"""In the run's folder: a file for each fingerprint that the run has written a manifest or mark with, so that it knows its own."""


def current(run: str, folder: str) -> dict[str, Any]:
    """The manifest in the folder, or else the mark of who is writing; empty if there is neither, or if it is damaged and all else
    there is the run's own. Raises FatalError for a file of such a name that Interloom did not write."""
    path = next((p for name in (MANIFEST, WRITING) if storage.exists(p := storage.join(folder, name))), None)
    if path is None:
        return {}
    values = _mapping(path)
    if not values and _holds_only_own_files(run, folder):
        return {}
    if "fingerprint" not in values:
        raise FatalError(f"{path}: not written by Interloom and would be replaced; send the shards to a folder of their own")
    return values


def mark(run: str, fingerprint: str, stale: list[str]) -> bytes:
    """What lies in a target while the run writes to it."""
    return json.dumps({"fingerprint": fingerprint, "run": storage.canonical(run), "stale": stale}).encode()


def check_mark(folder: str, fingerprint: str) -> None:
    """Raises FatalError unless the mark in the folder says that shards of this fingerprint are written now."""
    path = storage.join(folder, WRITING)
    now = _mapping(path) if storage.exists(path) else {}
    if now.get("fingerprint") != fingerprint:
        owner = f"is now written by {now['run']}" if "run" in now else "is not marked as being written any more"
        raise FatalError(f"{folder} {owner}; this run stops, because its shards would mix with those of another")


def remember(run: str, fingerprint: str, folder: str, files: Iterable[ShardFile] = ()) -> None:
    """Notes in the run's folder that a manifest or mark with this fingerprint is the run's own, with the files
    that belong to the manifest."""
    about = {file.name: (file.size_bytes, file.sha256) for file in files}
    record = {"to": _place(run, folder), "run": storage.canonical(run), "files": about}
    storage.write(storage.join(run, _KNOWN, fingerprint), json.dumps(record).encode())


def _place(run: str, folder: str) -> str:
    """How the run's notes name a target: below the run relative to it, so that a run can be moved with its shards."""
    inner, outer = storage.canonical(folder), storage.canonical(run)
    return inner.removeprefix(outer + "/")


def _is_about(run: str, folder: str, record: Mapping[str, Any]) -> bool:
    return record.get("to") in (_place(run, folder), storage.canonical(folder))  # the latter as earlier versions noted it


def written_files(run: str, fingerprint: str, folder: str) -> list[ShardFile]:
    """The files that belong to the manifest with this fingerprint that the run wrote to the folder, by its own notes; none before
    it is finished."""
    record = _mapping(path) if storage.exists(path := note_of(run, fingerprint)) else {}
    return _files(record) if _is_about(run, folder, record) else []


def note_of(run: str, fingerprint: str) -> str:
    """Where the run notes what belongs to the manifest with this fingerprint."""
    return storage.join(run, _KNOWN, fingerprint)


def doubt(run: str, fingerprint: str) -> None:
    """Notes that not all that lies beside the shards is as it was written, so that it is written again."""
    path = storage.join(run, _KNOWN, fingerprint)
    storage.write(path, json.dumps(_mapping(path) | {"doubted": True}).encode())


def is_doubted(run: str, fingerprint: str) -> bool:
    """Whether the run has not written the manifest with this fingerprint, or `doubt` was called since."""
    path = storage.join(run, _KNOWN, fingerprint)
    record = _mapping(path) if storage.exists(path) else {}
    return "files" not in record or "doubted" in record


def _files(record: Mapping[str, Any]) -> list[ShardFile]:
    return [ShardFile(name, *about) for name, about in record.get("files", {}).items()]


def sizes(folder: str) -> dict[str, int]:
    """The size of each file in a folder and below, by its name relative to the folder."""
    return {file.path.removeprefix(folder + "/"): file.size for file in storage.glob(folder + "/")}


def claim(run: str, folder: str) -> None:
    """Marks an empty folder as this run's before any work, so that of two runs one is refused at once."""
    if not storage.list_names(folder):
        fingerprint = _claim_of(run)
        remember(run, fingerprint, folder)
        storage.write_once(storage.join(folder, WRITING), mark(run, fingerprint, []))
    if problem := foreign_data(run, folder):
        raise FatalError(problem)


def give_up_claim(run: str, folder: str) -> None:
    """Removes the run's mark from a folder to which it has written nothing."""
    if storage.list_names(folder) == [WRITING] and _mapping(storage.join(folder, WRITING)).get("fingerprint") == _claim_of(run):
        storage.remove(storage.join(folder, WRITING))


def _claim_of(run: str) -> str:
    return digest("claim", storage.canonical(run))


def foreign_data(run: str, folder: str) -> str:
    """Why the run must not write to this folder (local or `s3://`): it holds data that the run did not write; else empty.

    The run's own data are known by the fingerprint in their manifest, or in the mark of a sink that was interrupted; if both were
    deleted, by the names and sizes of its files. Raises FatalError for a manifest that Interloom did not write.
    """
    if not storage.list_names(folder):
        return ""
    now = current(run, folder)
    way_out = "choose another `to`, or pass --overwrite to replace its shards"
    if "fingerprint" in now:
        note = note_of(run, str(now["fingerprint"]))
        is_own = storage.exists(note) or _leads_to(run, str(now["fingerprint"]))
        if is_own and (original := _original(run, folder, _mapping(note) if storage.exists(note) else {})):
            return f"{folder} belongs to the run {original}, of which {run} is a copy; {way_out}"
    else:
        is_own = _holds_only_own_files(run, folder)
    if is_own:
        return ""
    if "run" in now:
        return f"{folder} is being written by the run {now['run']}; wait until that has finished, or {way_out}"
    return f"{folder} holds data that this run did not write; {way_out}"


def _leads_to(run: str, fingerprint: str) -> bool:
    """Whether units of the run made what a manifest with this fingerprint describes, by what lies in its work folders."""
    work = storage.join(run, "work")
    phases = [name for name in storage.list_names(work) if name.rpartition("-")[0].endswith(".write")]
    units = {name.rpartition("-")[2]: storage.join(work, name, UNITS) for name in phases}
    return any(digest(phase, _ids(path)) == fingerprint for phase, path in units.items() if storage.exists(path))


def _ids(path: str) -> list[str]:
    """The ids of units in a file; none if it is damaged."""
    try:
        return list(json.loads(storage.read(path)))
    except (ValueError, TypeError):
        return []


def _original(run: str, folder: str, note: Mapping[str, Any]) -> str:
    """The run of which this one is a copy, if it is still there and both write to this folder."""
    other = note.get("run", "")
    is_shared = _place(run, folder) == storage.canonical(folder) and other not in ("", storage.canonical(run))
    return other if is_shared and storage.exists(storage.join(other, "plan.json")) else ""


def _holds_only_own_files(run: str, folder: str) -> bool:
    """Whether each file in the folder has the name of one that the run wrote there. Some may have been cut or replaced since, but
    more than half must have their sizes, and of these the largest its checksum."""
    written = [_mapping(file.path) for file in storage.glob(storage.join(run, _KNOWN) + "/")]
    own = [file for record in written if _is_about(run, folder, record) for file in _files(record)]
    there = {name: size for name, size in sizes(folder).items() if name not in (MANIFEST, WRITING)}
    same = [file for file in own if there.get(file.name) == file.size_bytes]
    if not there.keys() <= {file.name for file in own} or 2 * len({file.name for file in same}) <= len(there):
        return False
    largest = max(same, key=lambda file: (file.size_bytes, file.name)).name
    found = storage.sha256(storage.join(folder, largest))
    return any((file.name, file.sha256) == (largest, found) for file in same)


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
    """Why this cannot be the run's folder: it is a file, or its plan.json or recipe.yaml is not that of a run; else empty. A
    plan.json that is damaged is that of a run if units of one lie beside it."""
    if storage.is_remote(run):
        return ""
    if os.path.isfile(run):
        return f"{run} is a file; name a folder"
    plan = os.path.join(run, "plan.json")
    if not os.path.isfile(plan):
        recipe = os.path.join(run, "recipe.yaml")
        return f"{recipe} would be replaced, and no run wrote it; choose another folder" if os.path.isfile(recipe) else ""
    is_run = "phases" in _mapping(plan) or os.path.isdir(os.path.join(run, "work"))
    return "" if is_run else f"{plan} was not written by Interloom; choose another folder"


def _mapping(path: str) -> dict[str, Any]:
    """The JSON object in a file; empty if it holds anything else."""
    try:
        values = json.loads(storage.read(path))
    except ValueError:
        return {}
    return values if isinstance(values, dict) else {}
