"""Entries of a block list, from parameters and from a file."""

from __future__ import annotations

from collections.abc import Iterable

from interloom.pipeline.store import storage


def missing(step: str, file: str) -> Iterable[str]:
    """A problem when the file is named and not there."""
    if file and not storage.exists(file):
        yield f"{step}: no file {file}"


def entries(given: Iterable[str], file: str) -> list[str]:
    """Both together in lower case; the file (local or `s3://`) is UTF-8 with one entry a line, `#` begins a comment line."""
    listed = storage.read(file).decode("utf-8-sig", "replace").splitlines() if file else []
    bare = (entry.strip().lower() for entry in (*given, *listed))
    return [entry for entry in bare if entry and not entry.startswith("#")]
