"""What a reader's `paths` name, as splits of whole files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from interloom.pipeline.stage import Split
from interloom.pipeline.store import storage


def as_list(paths: str | list[str]) -> list[str]:
    return [paths] if isinstance(paths, str) else list(paths)


def whole_files(paths: str | list[str], endings: tuple[str, ...]) -> list[Split]:
    """One split per file, in the order of `paths`, each file once.

    In a folder only files whose names end in one of `endings` count; a file or a pattern means what it says.
    """
    splits: dict[str, Split] = {}
    for pattern in as_list(paths):
        root = storage.root_of(pattern)
        for found in storage.glob(pattern):
            if root.rstrip("/") != pattern.rstrip("/") or found.path.lower().endswith(endings):
                splits.setdefault(found.path, Split(found.path, root, 0, found.size, found.identity))
    return list(splits.values())


def missing(paths: str | list[str], endings: tuple[str, ...]) -> Iterator[str]:
    """One line for each path that names nothing to read, found without the network."""
    for pattern in as_list(paths):
        problem = storage.credentials_problem(pattern)
        if problem or storage.is_remote(pattern):
            yield from _lines(problem)
        elif not whole_files(pattern, endings):
            yield f"{pattern}: no such file, or nothing in it that ends in {', '.join(endings)}"


def _lines(problem: str | None) -> Iterable[str]:
    return [problem] if problem else []
