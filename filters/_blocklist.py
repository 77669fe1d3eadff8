"""Reads the entries of a block list from a parameter and from a file."""

from __future__ import annotations

from collections.abc import Iterable

from interloom.pipeline.store import storage


def missing_file_problem(step: str, file: str) -> Iterable[str]:
    """Yields a problem for `check()` if a file is named but does not exist."""
    if file and not storage.exists(file):
        yield f"{step}: the file {file} does not exist"


def read_entries(listed: Iterable[str], file: str) -> list[str]:
    """Returns the entries of the parameter and of the file, stripped and in lower case.

    The file (local or `s3://`) is UTF-8 with one entry a line; a line that begins with `#` is a comment.
    Example: `["Foo "]` and a file "# mine\\nBAR\\n" -> `["foo", "bar"]`.
    """
    lines = storage.read(file).decode("utf-8-sig", "replace").splitlines() if file else []
    entries = (entry.strip().lower() for entry in (*listed, *lines))
    return [entry for entry in entries if entry and not entry.startswith("#")]
