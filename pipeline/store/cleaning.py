"""Work folders that no current plan of a run needs: what they hold, and how to free it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from interloom.pipeline.store import run_reader, storage

_PHASE_FOLDER = re.compile(r"-[0-9a-f]{16}$")


@dataclass(frozen=True, slots=True)
class WorkFolder:
    """A phase's folder in the run: its path relative to the run, what it holds, and whether the current plan needs it."""

    path: str
    files: int
    size_bytes: int
    needed: bool


def work_folders(run: str) -> list[WorkFolder]:
    """The run's work folders, sorted by path. Raises ConfigError when there is no run."""
    needed = {phase.folder for phase in run_reader.phases(run)}
    sizes: dict[str, list[int]] = {}
    for file in storage.glob(storage.join(run, "work") + "/"):
        name = file.path.removeprefix(storage.join(run, "work") + "/").partition("/")[0]
        if not _PHASE_FOLDER.search(name):  # not made by a run
            continue
        sizes.setdefault(f"work/{name}", []).append(file.size)
    return [WorkFolder(path, len(files), sum(files), path in needed) for path, files in sorted(sizes.items())]


def free(run: str, folder: WorkFolder) -> None:
    """Removes a work folder: its commits first, so that a run that is interrupted here does not trust what is half gone. Raises
    ValueError for a folder that the current plan needs."""
    if folder.needed:
        raise ValueError(f"{folder.path} is needed by the current plan")
    storage.discard_unfinished(storage.join(run, folder.path))
    for path in _commits_first(storage.join(run, folder.path)):
        storage.remove(path)
    storage.remove_empty_folders(storage.join(run, folder.path))


def _commits_first(folder: str) -> Iterator[str]:
    paths = [file.path for file in storage.glob(folder + "/")]
    yield from sorted(paths, key=lambda path: (not path.startswith(f"{folder}/commits/"), path))
