"""Turns the parameter `paths` of a reader into splits of whole files."""

from __future__ import annotations

from collections.abc import Iterator

from interloom.pipeline.stage import Split
from interloom.pipeline.store import storage


def as_list(paths: str | list[str]) -> list[str]:
    """Returns one path or a list of paths as a list."""
    return [paths] if isinstance(paths, str) else list(paths)


def whole_files(paths: str | list[str], endings: tuple[str, ...]) -> list[Split]:
    """Returns one split per file, in the order of `paths`, each file once.

    Parameters:
        paths: Files, folders or glob patterns, local or `s3://`; one or a list.
        endings: In a folder only files whose lower-case names end in one of these are taken. A file or a pattern that is
            named itself is taken whatever its ending.
    """
    splits: dict[str, Split] = {}
    for pattern in as_list(paths):
        root = storage.root_of(pattern)
        is_folder = root.rstrip("/") == pattern.rstrip("/")
        for file in storage.glob(pattern):
            if not is_folder or file.path.lower().endswith(endings):
                splits.setdefault(file.path, Split(file.path, root, 0, file.size, file.identity))
    return list(splits.values())


def path_problems(paths: str | list[str], endings: tuple[str, ...]) -> Iterator[str]:
    """Yields a problem for `check()` for each path without a file to read. It does not use the network.

    Parameters:
        paths: Files, folders or glob patterns, local or `s3://`; one or a list. Of `s3://` only the credentials are checked.
        endings: The file name endings that the reader can read.
    """
    for pattern in as_list(paths):
        problem = storage.credentials_problem(pattern)
        if problem:
            yield problem
        elif not storage.is_remote(pattern) and not whole_files(pattern, endings):
            yield f"{pattern}: no such file, or nothing in it that ends in {', '.join(endings)}"
