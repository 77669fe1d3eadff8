"""Commits: the small write-once object that says a unit is finished. Resume = list them. The driver keeps no other state."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from interloom.pipeline.errors import DamageError
from interloom.pipeline.execution.balance import Book, Books
from interloom.pipeline.execution.used import Used
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.store import storage
from interloom.pipeline.store.parts import StoredFile

_ENDING = ".json"
_DIGEST = "digest"
"""In the file of a commit: a hash of all else in it."""
_NAMES = {"unit", "phase", "books", "files", "seconds", "result"}
_NEW_NAMES = {"used"}
"""Commits of earlier versions do not have them."""
_READERS = 16  # concurrent reads from object storage


@dataclass(frozen=True, slots=True)
class Commit:
    """A finished unit: its books by step key, the files it stored, its seconds of work, what its kind of phase adds, and what it
    used of the machine, whole and by step."""

    unit: str
    phase: str
    books: Books
    files: tuple[StoredFile, ...]
    seconds: float = 0.0
    result: Mapping[str, Any] = field(default_factory=dict)
    used: Mapping[str, Used] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        books = {key: book.to_json() for key, book in self.books.items()}
        files = [file.to_json() for file in self.files]
        return {
            "unit": self.unit,
            "phase": self.phase,
            "books": books,
            "files": files,
            "seconds": self.seconds,
            "result": dict(self.result),
            "used": {key: used.to_json() for key, used in self.used.items()},
        }

    def stored_bytes(self) -> dict[str, int]:
        """How many bytes the unit stored, by kind of file; `shards` are those of a sink."""
        stored: Counter[str] = Counter()
        for file in self.files:
            stored[file.kind] += file.size_bytes
        for shard in self.result.get("written", ()):
            stored["shards"] += sum(file["size_bytes"] for file in shard["files"])
        return dict(stored)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Commit:
        books = {key: Book.from_json(book) for key, book in values["books"].items()}
        files = tuple(StoredFile.from_json(file) for file in values["files"])
        used = {key: Used.from_json(used) for key, used in values.get("used", {}).items()}
        return cls(values["unit"], values["phase"], books, files, values["seconds"], values["result"], used)


@dataclass(frozen=True, slots=True)
class FailedUnit:
    """A unit that failed for good, with the error in one line. It has no commit, so the next run tries it again."""

    unit: str
    phase: str
    message: str


@dataclass(frozen=True, slots=True)
class BrokenCommit:
    """A commit that cannot be read, so that its unit must run again."""

    unit: str
    path: str


def write_commit(run: str, phase: Phase, commit: Commit) -> Commit:
    """Writes the unit's commit, after all its files. If another worker was first, returns what that one committed."""
    values = commit.to_json()
    data = _text(values | {_DIGEST: _digest(values)})
    path = _path(run, phase, commit.unit)
    if storage.write_once(path, data):
        return commit
    return read_commit(run, phase, commit.unit)


def read_commit(run: str, phase: Phase, unit: str) -> Commit:
    """The unit's commit. Raises FileNotFoundError if it has none, DamageError if it cannot be read."""
    path = _path(run, phase, unit)
    commit = _parsed(path, storage.read(path))
    if isinstance(commit, BrokenCommit):
        raise DamageError(path, "it is no commit")
    return commit


def committed_units(run: str, phase: Phase) -> set[str]:
    """The ids of the phase's units that are committed so far."""
    return {name.removesuffix(_ENDING) for name in _names(run, phase)}


def ages(run: str, phase: Phase) -> dict[str, float]:
    """How many seconds ago each of the phase's units was committed, by the store's clock."""
    age_by_name = storage.ages(_folder(run, phase))
    return {name.removesuffix(_ENDING): age for name, age in age_by_name.items() if name.endswith(_ENDING)}


def read_commits(run: str, phase: Phase, units: Iterable[str]) -> Iterator[Commit | BrokenCommit]:
    """The commits of these units, in their order. Raises FileNotFoundError if one has none."""
    paths = [_path(run, phase, unit) for unit in units]
    if not storage.is_remote(run):
        yield from map(_parsed, paths, map(storage.read, paths))
        return
    with ThreadPoolExecutor(_READERS) as pool:
        yield from map(_parsed, paths, pool.map(storage.read, paths))


def _text(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def _digest(values: Mapping[str, Any]) -> str:
    return hashlib.blake2b(_text(values), digest_size=8).hexdigest()


def _parsed(path: str, text: bytes) -> Commit | BrokenCommit:
    """The commit in a file. One whose digest is another, or that has a name which no commit has, is broken; those of earlier
    versions have no digest."""
    try:
        values = json.loads(text)
        digest = values.pop(_DIGEST, None)
        if values.keys() - _NEW_NAMES != _NAMES or digest not in (None, _digest(values)):
            raise ValueError
        return Commit.from_json(values)
    except (ValueError, KeyError, TypeError, AttributeError):
        return BrokenCommit(path.rpartition("/")[2].removesuffix(_ENDING), path)


def committed(run: str, phase: Phase) -> dict[str, Commit]:
    """The commits of the phase so far, by unit, without those that cannot be read."""
    read = read_commits(run, phase, sorted(committed_units(run, phase)))
    return {commit.unit: commit for commit in read if isinstance(commit, Commit)}


def forget(run: str, phase: Phase, unit: str) -> None:
    """Removes the unit's commit, so that it runs again."""
    storage.remove(_path(run, phase, unit))


def _folder(run: str, phase: Phase) -> str:
    return storage.join(run, phase.folder, "commits")


def _path(run: str, phase: Phase, unit: str) -> str:
    return f"{_folder(run, phase)}/{unit}{_ENDING}"


def _names(run: str, phase: Phase) -> list[str]:
    return [name for name in storage.list_names(_folder(run, phase)) if name.endswith(_ENDING)]


def files_of(commits: Iterable[Commit], kind: str) -> Iterator[StoredFile]:
    """The stored files of a kind, in the order of the commits."""
    for commit in commits:
        yield from (file for file in commit.files if file.kind == kind)
