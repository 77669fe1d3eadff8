"""Folders to which a run of ours wrote shards: their manifest says which files count, and in which order."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from interloom.pipeline.stage import Split
from interloom.pipeline.store import storage
from interloom.pipeline.store.targets import MANIFEST, WRITING
from interloom.stages._input.splits import as_list

_PLAN = "plan.json"
"""Lies in the folder of a run."""


@dataclass(frozen=True, slots=True)
class OwnTarget:
    """A finished target: its folder and a split for each shard, in the order of the manifest."""

    folder: str
    shards: tuple[Split, ...]


def finished_target(path: str, endings: tuple[str, ...]) -> OwnTarget | None:
    """Returns the finished target that a path names, with its shards that end so; None if it is none.

    Parameters:
        path: A path, local or `s3://`.
        endings: What the names of shards may end in.
    """
    manifest = _manifest_in(path)
    if manifest is None:
        return None
    shards = [_split(path, shard["files"][0]) for shard in manifest["shards"]]
    return OwnTarget(path, tuple(shard for shard in shards if shard.path.lower().endswith(endings)))


def keeps_ids(path: str) -> bool:
    """Returns whether a manifest in the folder of a file or in the one above names the file, so that the ids in it are unique and
    may stay, whether the recipe names the target, its folder `data`, the file, or a pattern."""
    folder, _, name = path.rpartition("/")
    above, _, inner = folder.rpartition("/")
    return name in _files_of(folder) or f"{inner}/{name}" in _files_of(above)


@lru_cache(maxsize=64)
def _files_of(folder: str) -> frozenset[str]:
    """The files that the manifest in a folder names; none without one."""
    manifest = _manifest_in(folder or ".")
    return frozenset(file["name"] for shard in manifest["shards"] for file in shard["files"]) if manifest else frozenset()


def target_problems(paths: str | list[str], endings: tuple[str, ...], other: str) -> Iterator[str]:
    """Yields a problem for `check()` for each local path that is the folder of a run, or a target that cannot be read.

    Parameters:
        paths: The paths of a source.
        endings: What the names of shards may end in.
        other: The source that reads the other kind of shards, such as "stages.read_webdataset".
    """
    for path in as_list(paths):
        if not storage.is_remote(path) and "://" not in path:
            yield from _problems(path, endings, other)


def _problems(path: str, endings: tuple[str, ...], other: str) -> Iterator[str]:
    target = finished_target(path, endings)
    if target is None:
        if storage.exists(storage.join(path, _PLAN)) and storage.exists(storage.join(path, "work")):
            yield f"{path}: the folder of a run; name the folder to which it wrote its shards"
        elif storage.exists(storage.join(path, WRITING)):
            yield f"{path}: its run has not finished writing; run it again, then read it"
        return
    if not target.shards:
        yield f"{path}: no shards that this source reads; {other} may"
    for shard in target.shards:
        there = storage.glob(shard.path) if storage.exists(shard.path) else []
        if not there or there[0].size != shard.stop:
            what = f"has {there[0].size} bytes instead of {shard.stop}" if there else "is missing"
            yield f"{shard.path} {what}; `interloom verify` and `interloom run` of the run that wrote it mend it"


def _manifest_in(folder: str) -> Mapping[str, Any] | None:
    path = storage.join(folder, MANIFEST)
    try:
        values = json.loads(storage.read(path))
    except (FileNotFoundError, NotADirectoryError, ValueError, RecursionError):
        return None
    return values if _is_manifest(values) else None


def _is_manifest(values: object) -> bool:
    if not isinstance(values, dict) or "fingerprint" not in values or not isinstance(values.get("shards"), list):
        return False
    return all(isinstance(shard, dict) and _are_files(shard.get("files")) for shard in values["shards"])


def _are_files(files: object) -> bool:
    """Whether they are as manifests name files, none of them outside the folder."""
    if not isinstance(files, Sequence) or not files or not all(isinstance(file, dict) for file in files):
        return False
    names = [file.get("name") for file in files]
    sizes = [file.get("size_bytes") for file in files]
    inside = all(isinstance(name, str) and name and ".." not in name.split("/") and name[0] != "/" for name in names)
    return inside and all(isinstance(size, int) for size in sizes)


def _split(folder: str, file: Mapping[str, Any]) -> Split:
    path, size = storage.join(folder, file["name"]), file["size_bytes"]
    return Split(path, folder.rstrip("/"), 0, size, f"{size}-{str(file.get('sha256', ''))[:16]}")
