"""Commits: the small write-once object that says a unit is finished. Resume = list them. The driver keeps no other state."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from interloom.pipeline.execution.balance import Book, Books
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.store import storage
from interloom.pipeline.store.parts import StoredFile

_READERS = 16  # concurrent reads from object storage


@dataclass(frozen=True, slots=True)
class Commit:
    """A finished unit: its books by step key, the files it stored, its seconds of work, and what its kind of phase adds."""

    unit: str
    phase: str
    books: Books
    files: tuple[StoredFile, ...]
    seconds: float = 0.0
    result: Mapping[str, Any] = field(default_factory=dict)

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
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Commit:
        books = {key: Book.from_json(book) for key, book in values["books"].items()}
        files = tuple(StoredFile.from_json(file) for file in values["files"])
        return cls(values["unit"], values["phase"], books, files, values["seconds"], values["result"])


@dataclass(frozen=True, slots=True)
class FailedUnit:
    """A unit that failed for good, with the error in one line. It has no commit, so the next run tries it again."""

    unit: str
    phase: str
    message: str


def write_commit(run: str, phase: Phase, commit: Commit) -> Commit:
    """Writes the unit's commit, after all its files. If another worker was first, returns what that one committed."""
    data = json.dumps(commit.to_json(), sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    path = _path(run, phase, commit.unit)
    if storage.write_once(path, data):
        return commit
    return read_commit(run, phase, commit.unit)


def read_commit(run: str, phase: Phase, unit: str) -> Commit:
    """The unit's commit. Raises FileNotFoundError if it has none."""
    return Commit.from_json(json.loads(storage.read(_path(run, phase, unit))))


def committed(run: str, phase: Phase) -> dict[str, Commit]:
    """The commits of the phase so far, by unit."""
    paths = _paths(run, phase)
    if not storage.is_remote(run):
        return _by_unit(map(storage.read, paths))
    with ThreadPoolExecutor(_READERS) as pool:
        return _by_unit(pool.map(storage.read, paths))


def _by_unit(texts: Iterable[bytes]) -> dict[str, Commit]:
    commits = (Commit.from_json(json.loads(text)) for text in texts)
    return {commit.unit: commit for commit in commits}


def forget(run: str, phase: Phase) -> None:
    """Removes the phase's commits, so that its units run again."""
    for path in _paths(run, phase):
        storage.remove(path)


def _folder(run: str, phase: Phase) -> str:
    return storage.join(run, phase.folder, "commits")


def _path(run: str, phase: Phase, unit: str) -> str:
    return f"{_folder(run, phase)}/{unit}.json"


def _paths(run: str, phase: Phase) -> list[str]:
    folder = _folder(run, phase)
    return [f"{folder}/{name}" for name in storage.list_names(folder) if name.endswith(".json")]


def files_of(commits: Iterable[Commit], kind: str) -> Iterator[StoredFile]:
    """The stored files of a kind, in the order of the commits."""
    for commit in commits:
        yield from (file for file in commit.files if file.kind == kind)
