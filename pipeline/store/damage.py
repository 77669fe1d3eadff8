"""Stored files that are gone or are not as they were written: which unit stored them, and how it comes to run again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from interloom.pipeline.errors import DamageError
from interloom.pipeline.store import storage

_WORK, _COMMITS = "work", "commits"


@contextmanager
def missing_named(path: str) -> Iterator[None]:
    """Raises DamageError if the body finds that the stored file is gone."""
    try:
        yield
    except FileNotFoundError as error:
        raise DamageError(path, "it is missing") from error


def invalidate(run: str, path: str) -> str:
    """Removes the commit of the unit that stored this file of the run, so that the unit runs again. Returns which unit it is;
    empty if no unit of this run stored it."""
    names = path.removeprefix(run.rstrip("/") + "/").split("/")
    if not path.startswith(run.rstrip("/") + "/") or len(names) != 4 or names[0] != _WORK:
        return ""
    folder, unit = names[1], names[3].removesuffix(".json") if names[2] == _COMMITS else names[2]
    storage.remove(storage.join(run, _WORK, folder, _COMMITS, f"{unit}.json"))
    return f"unit {unit} of {folder.rpartition('-')[0]}"
