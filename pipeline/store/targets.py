"""Where sinks write to: whose data lie in a target, by its manifest or mark and the run's own notes. A run replaces only what it
wrote itself, and one writes at a time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from interloom.pipeline.errors import FatalError
from interloom.pipeline.planning.fingerprint import digest
from interloom.pipeline.store import lease, storage, whereabouts
from interloom.pipeline.store.parts import UNITS, read_mapping, read_names
from interloom.pipeline.store.shards import ShardFile

MANIFEST = "manifest.json"
WRITING = "writing.json"
"""In a target that a run has claimed: its folder, the fingerprint of what it writes, and the files that are replaced."""
_SHARDS = ".shards"
_AT_ONCE = 16  # requests to an object store
KNOWN = "targets"
"""In the run's folder: a file for each fingerprint that the run has written a manifest or mark with, so that it knows its own;
while shards are written, also a folder with a file for each shard."""


def current(run: str, folder: str) -> dict[str, Any]:
    """The manifest in the folder, or else the mark of who is writing; empty if there is neither, or if it is damaged and all else
    there is the run's own. Raises FatalError for a file of such a name that Interloom did not write."""
    path = next((p for name in (MANIFEST, WRITING) if storage.exists(p := storage.join(folder, name))), None)
    if path is None:
        return {}
    values = read_mapping(path)
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
    now = read_mapping(path)
    if now.get("fingerprint") != fingerprint:
        owner = f"is now written by {now['run']}" if "run" in now else "is not marked as being written any more"
        raise FatalError(f"{folder} {owner}; this run stops, because its shards would mix with those of another")


def remember(run: str, fingerprint: str, folder: str, files: Iterable[ShardFile] = ()) -> None:
    """Notes in the run's folder that a manifest or mark with this fingerprint is the run's own, with the files
    that belong to the manifest."""
    about = {file.name: (file.size_bytes, file.sha256) for file in files}
    storage.write(note_of(run, fingerprint), json.dumps({**whereabouts.noted(run, folder), "files": about}).encode())


def renew(run: str, fingerprint: str, folder: str) -> None:
    """Notes where the run and the target lie now, if they were moved since the note was written."""
    record = read_mapping(note_of(run, fingerprint))
    if record | whereabouts.noted(run, folder) != record:
        storage.write(note_of(run, fingerprint), json.dumps(record | whereabouts.noted(run, folder)).encode())


def noted_places(run: str, fingerprint: str) -> list[str]:
    """Where the target of this fingerprint may lie, by the run's note: as seen from the run, then where it was."""
    return whereabouts.named(run, read_mapping(note_of(run, fingerprint)))


def written_files(run: str, fingerprint: str, folder: str) -> list[ShardFile]:
    """The files that belong to the manifest with this fingerprint that the run wrote to the folder, by its own notes; none before
    it is finished."""
    record = read_mapping(note_of(run, fingerprint))
    return _files(record) if whereabouts.is_about(run, folder, record) else []


def finished_files(run: str, fingerprint: str) -> list[ShardFile]:
    """The same, wherever the target lies now."""
    return _files(read_mapping(note_of(run, fingerprint)))


def other_writer(run: str, folder: str, fingerprint: str) -> str:
    """Who has written to the folder since the run did so with this fingerprint; empty if nobody has, as far as is known."""
    now = _stored(folder)
    other = str(now.get("fingerprint", fingerprint))
    sizes_noted = [file.size_bytes for file in finished_files(run, fingerprint) if file.name == MANIFEST]
    is_damaged = "run" not in now and sizes_noted == [sizes(folder).get(MANIFEST)]
    if other == fingerprint or is_damaged or storage.exists(note_of(run, other)) or _leads_to(run, other):
        return ""
    return f"the run {now['run']}" if "run" in now else f"the recipe '{now.get('name')}' as another run"


def holds_some(run: str, folder: str, fingerprint: str) -> bool:
    """Whether the folder holds any of the data that the run wrote with this fingerprint, by its manifest or by the run's note."""
    if fingerprint_in(folder) == fingerprint:
        return True
    there = sizes(folder)
    return any(there.get(file.name) == file.size_bytes for file in finished_files(run, fingerprint))


def fingerprint_in(folder: str) -> str:
    """Of what the manifest or else the mark in a folder is; empty if there is neither, or if it is damaged."""
    return str(_stored(folder).get("fingerprint", ""))


def _stored(folder: str) -> dict[str, Any]:
    names = (storage.join(folder, name) for name in (MANIFEST, WRITING))
    path = next(filter(storage.exists, names), None)
    return read_mapping(path) if path else {}


def note_of(run: str, fingerprint: str) -> str:
    """Where the run notes what belongs to the manifest with this fingerprint."""
    return storage.join(run, KNOWN, fingerprint)


def note_shard(run: str, fingerprint: str, names: Sequence[str]) -> None:
    """Notes the files of a shard before they are written, so that they are known as the run's own if it never finishes."""
    storage.write_once(storage.join(run, KNOWN, fingerprint + _SHARDS, f"{digest(names)}.json"), json.dumps(names).encode())


def noted_shards(run: str, fingerprint: str) -> list[str]:
    """The files of all shards that were noted since the run began to write with this fingerprint."""
    notes = storage.glob(storage.join(run, KNOWN, fingerprint + _SHARDS) + "/")
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return [name for names in pool.map(lambda note: read_names(note.path), notes) for name in names]


def forget_shards(run: str, fingerprint: str) -> None:
    """Removes the notes about shards, because a manifest names them now."""
    folder = storage.join(run, KNOWN, fingerprint + _SHARDS)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(lambda note: storage.remove(note.path), storage.glob(folder + "/")))
    storage.remove_empty_folders(folder)


def doubt(run: str, fingerprint: str) -> None:
    """Notes that not all that lies beside the shards is as it was written, so that it is written again."""
    path = note_of(run, fingerprint)
    storage.write(path, json.dumps(read_mapping(path) | {"doubted": True}).encode())


def is_doubted(run: str, fingerprint: str) -> bool:
    """Whether the run has not written the manifest with this fingerprint, or `doubt` was called since."""
    record = read_mapping(note_of(run, fingerprint))
    return "files" not in record or "doubted" in record


def _files(record: Mapping[str, Any]) -> list[ShardFile]:
    """What a note lists; nothing if it is damaged."""
    try:
        return [ShardFile(name, int(size), str(sha256)) for name, (size, sha256) in record.get("files", {}).items()]
    except (ValueError, TypeError, AttributeError):
        return []


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
    if storage.list_names(folder) == [WRITING] and read_mapping(storage.join(folder, WRITING)).get("fingerprint") == _claim_of(
        run
    ):
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
        if is_own and (original := _original(run, folder, read_mapping(note))):
            return f"{folder} belongs to the run {original}, of which {run} is a copy; {way_out}"
    else:
        is_own = _holds_only_own_files(run, folder)
    if is_own:
        return ""
    if "run" in now:
        if (end := lease.early_end(now["run"])) is not None:
            return f"{folder} belongs to the run {now['run']}, which has not finished{end}; run that again, or {way_out}"
        return f"{folder} is being written by the run {now['run']}; wait until that has finished, or {way_out}"
    by = f" (the recipe '{now['name']}' did)" if "name" in now else ""
    return f"{folder} holds data that this run did not write{by}; {way_out}"


def _leads_to(run: str, fingerprint: str) -> bool:
    """Whether units of the run made what a manifest with this fingerprint describes, by what lies in its work folders."""
    work = storage.join(run, "work")
    phases = [name for name in storage.list_names(work) if name.rpartition("-")[0].endswith(".write")]
    units = {name.rpartition("-")[2]: storage.join(work, name, UNITS) for name in phases}
    return any(digest(phase, read_names(path)) == fingerprint for phase, path in units.items() if storage.exists(path))


def _original(run: str, folder: str, note: Mapping[str, Any]) -> str:
    """The run of which this one is a copy, if it is still there and both write to this folder."""
    other = note.get("run", "")
    is_shared = note.get("to") == storage.canonical(folder) and other not in ("", storage.canonical(run))
    return other if is_shared and storage.exists(storage.join(other, "plan.json")) else ""


def _holds_only_own_files(run: str, folder: str) -> bool:
    """Whether each file in the folder has the name of one that the run wrote there. Some may have been cut or replaced since, but
    more than half must have their sizes, and of these the largest its checksum."""
    names = (name for name in storage.list_names(storage.join(run, KNOWN)) if not name.endswith(_SHARDS))
    written = [read_mapping(note_of(run, name)) for name in names]
    own = [file for record in written if whereabouts.is_about(run, folder, record) for file in _files(record)]
    there = {name: size for name, size in sizes(folder).items() if name not in (MANIFEST, WRITING)}
    same = [file for file in own if there.get(file.name) == file.size_bytes]
    if not there.keys() <= {file.name for file in own} or 2 * len({file.name for file in same}) <= len(there):
        return False
    largest = max(same, key=lambda file: (file.size_bytes, file.name)).name
    sha256 = storage.sha256(storage.join(folder, largest))
    return any((file.name, file.sha256) == (largest, sha256) for file in same)
