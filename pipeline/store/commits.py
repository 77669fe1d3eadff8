"""Commits: the small write-once object that says a unit is finished. Resume = list them. The driver keeps no other state."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

from interloom.pipeline.execution.books import Book
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.store import storage
from interloom.pipeline.store.parts import Stored

Commit = Mapping[str, Any]


def commit(run: str, phase: Phase, unit: str, books: Mapping[str, Book], stored: Iterable[Stored], **more: Any) -> Commit:
    """Writes the unit's commit, last of all its files. A second worker on the same unit writes nothing and agrees."""
    values = {
        "unit": unit,
        "phase": phase.name,
        "books": {key: asdict(book) for key, book in books.items()},
        "files": [asdict(one) for one in stored],
        **more,
    }
    data = json.dumps(values, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    storage.write_once(_path(run, phase, unit), data)
    return values


def committed(run: str, phase: Phase) -> dict[str, Commit]:
    """The commits of the phase so far, by unit."""
    found = storage.glob(storage.join(run, phase.folder, "commits", "*.json"))
    if not storage.is_remote(run):
        texts: Iterator[bytes] = (storage.read(one.path) for one in found)
        return {c["unit"]: c for c in map(json.loads, texts)}
    with ThreadPoolExecutor(16) as pool:
        return {c["unit"]: c for c in map(json.loads, pool.map(lambda one: storage.read(one.path), found))}


def forget(run: str, phase: Phase) -> None:
    """Removes the phase's commits, so that its units run again."""
    for found in storage.glob(storage.join(run, phase.folder, "commits", "*.json")):
        storage.remove(found.path)


def _path(run: str, phase: Phase, unit: str) -> str:
    return storage.join(run, phase.folder, "commits", f"{unit}.json")


def files(commits: Iterable[Commit], kind: str) -> Iterator[Mapping[str, Any]]:
    """The stored files of a kind, in the order of the commits."""
    for one in commits:
        yield from (file for file in one["files"] if file["kind"] == kind)
