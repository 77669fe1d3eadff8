"""Which files a path, a folder or a pattern names on disk: each once, however many links lead to it. Used by `storage`."""

from __future__ import annotations

import glob as globbing
import os
import re
from collections.abc import Iterable, Iterator

from interloom.pipeline.errors import ConfigError
from interloom.schemas.text_forms import file_name

_ANY_FOLDERS = "**"


def of_stored_name(path: str) -> str:
    """The path as the system knows it; one with a name that is not UTF-8 is stored in another form."""
    return path if "\\" not in path or os.path.exists(path) else file_name(path)


def named(pattern: str, temporary: str) -> list[str]:
    """The files, without those whose names begin with `temporary`. Links to folders are followed, but no folder is entered twice.

    Raises ConfigError for a folder below that cannot be read.
    """
    if os.path.isfile(pattern):
        return [pattern]
    paths = _below(pattern, hidden=True) if os.path.isdir(pattern) else _matching(pattern)
    files = (path for path in paths if os.path.isfile(path) and not os.path.basename(path).startswith(temporary))
    return list(_each_once(files))


def broken_links(pattern: str) -> list[str]:
    """Links among what is named that lead to nothing, or round in a circle."""
    if os.path.isfile(pattern):
        return []
    paths = _below(pattern, hidden=True) if os.path.isdir(pattern) else _matching(pattern)
    return sorted({path for path in paths if os.path.islink(path) and not os.path.exists(path)})


def linked_folders(folder: str) -> list[str]:
    """Where links to folders lead to, anywhere below a folder."""
    return sorted(os.path.realpath(path) for path in _folders(folder, hidden=True) if os.path.islink(path))


def _each_once(files: Iterable[str]) -> Iterator[str]:
    """The files, without links to others of them; of several links to one file the first by name."""
    links = []
    real: set[str] = set()
    for path in set(files):
        if os.path.islink(path):
            links.append(path)
        else:
            real.add(os.path.realpath(path))
            yield path
    for path in sorted(links):
        if (target := os.path.realpath(path)) not in real:
            real.add(target)
            yield path


def _below(folder: str, *, hidden: bool) -> Iterator[str]:
    """All that is below a folder, but the folders themselves."""
    for path in _folders(folder, hidden=hidden):
        yield from (entry.path for entry in _entries(path) if (hidden or entry.name[0] != ".") and not _is_folder(entry))


def _folders(top: str, *, hidden: bool) -> Iterator[str]:
    """A folder and those below it, through links too, each once: the shortest way to it first."""
    seen, waiting = set[str](), [top]
    while waiting:
        further: list[str] = []
        for folder in sorted(waiting, key=lambda path: (os.path.islink(path), path)):
            if (real := os.path.realpath(folder)) not in seen:
                seen.add(real)
                yield folder
                further += [entry.path for entry in _entries(folder) if _is_folder(entry) and (hidden or entry.name[0] != ".")]
        waiting = further


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether it is a folder, or a link to one; a link that leads round in a circle is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _entries(folder: str) -> list[os.DirEntry[str]]:
    """What is in a folder; nothing if it was removed since its own folder was listed."""
    try:
        with os.scandir(folder.rstrip("/") or "/") as entries:
            return list(entries)
    except (FileNotFoundError, ProcessLookupError):
        return []
    except PermissionError as error:
        raise ConfigError(f"{folder}: access denied; check the permissions, or name the files without it") from error


def _matching(pattern: str) -> Iterator[str]:
    """What a pattern names; `**` is any number of folders, none of them hidden."""
    parts = pattern.split("/")
    if _ANY_FOLDERS not in parts:
        yield from globbing.glob(pattern)
        return
    at = parts.index(_ANY_FOLDERS)
    head, tail = "/".join(parts[:at]), "/".join(parts[at + 1 :])
    tops = [top for top in globbing.glob(head) if os.path.isdir(top)] if head else ["/" if pattern.startswith("/") else "."]
    for top in tops:
        for folder in _folders(top, hidden=False):
            inside = globbing.escape(folder) + "/" + (tail or "*")
            yield from (path if head or path[:2] != "./" else path[2:] for path in _matching(inside))


def problem_of_name(path: str) -> str | None:
    """Why a path is not meant as it is written: a shell would put something else in the place of `$NAME` and `~name`."""
    if os.path.exists(path):
        return None
    if variable := _VARIABLE.search(path):
        return f"{path}: {variable[0]} is not replaced; write a variable as ${{NAME}}"
    if path.startswith("~") and not path.startswith("~/"):
        return f"{path}: {path.partition('/')[0]} is not replaced; write the whole path, or ~/ for your home folder"
    return None


_VARIABLE = re.compile(r"\$(\w+|\{[^}/]*\}?)")


def at_home(path: str) -> str:
    """The path with the user's home folder in place of a `~` before its first slash, as shells write it."""
    return os.path.expanduser(path) if path.startswith("~/") else path
