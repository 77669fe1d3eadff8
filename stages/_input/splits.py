"""Turns the parameter `paths` of a reader into splits of whole files."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import chain, takewhile

from interloom.pipeline.errors import ConfigError
from interloom.pipeline.stage import Split
from interloom.pipeline.store import storage

_FEW = 3
_AT_ONCE = 16  # requests to an object store


def as_list(paths: str | list[str]) -> list[str]:
    """Returns one path or a list of paths as a list."""
    return [paths] if isinstance(paths, str) else list(paths)


def whole_files(paths: str | list[str], endings: tuple[str, ...]) -> list[Split]:
    """Returns one split per file, in the order of `paths`, each file once and each with a name of its own.

    A name is relative to its path or pattern. If two files then have the same name (`a/1.html` and `b/1.html` for the folders `a`
    and `b`), all names are relative to the folder that contains them all.

    Parameters:
        paths: Files, folders or glob patterns, local or `s3://`; one or a list.
        endings: In a folder only files whose lower-case names end in one of these are taken. A file or a pattern that is
            named itself is taken whatever its ending.

    Raises ConfigError if there is nothing at a path in object storage, where `path_problems` has not looked.
    """
    patterns = as_list(paths)
    files_of_each = _files_of_each(patterns, endings)
    for pattern, files in zip(patterns, files_of_each, strict=True):
        if not files and storage.is_remote(pattern):
            raise ConfigError(_nothing_at(pattern, endings))
    return _each_once(files_of_each)


def files_in_folders(paths: str | list[str], endings: tuple[str, ...]) -> list[Split]:
    """Returns one split per file with one of these endings in the folders among `paths`; none is no error."""
    folders = [path for path in as_list(paths) if storage.root_of(path).rstrip("/") == path.rstrip("/")]
    return _each_once(_files_of_each(folders, endings))


def _each_once(files_of_each: Sequence[Sequence[Split]]) -> list[Split]:
    splits: dict[str, Split] = {}
    for file in chain.from_iterable(files_of_each):
        splits.setdefault(storage.canonical(file.path), file)
    return with_distinct_names(list(splits.values()))


def _files_of_each(patterns: Sequence[str], endings: tuple[str, ...]) -> Sequence[Sequence[Split]]:
    """The files of each pattern. Object storage is asked for many at a time: `{00000..09999}.tar` names ten thousand."""
    listed = partial(_files, endings=endings)
    if len(patterns) < _FEW or not any(map(storage.is_remote, patterns)):
        return list(map(listed, patterns))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(listed, patterns))


def _files(pattern: str, endings: tuple[str, ...]) -> list[Split]:
    """The files that one path, folder or pattern names."""
    root = storage.root_of(pattern)
    is_folder = root.rstrip("/") == pattern.rstrip("/")
    return [
        Split(file.path, root, 0, file.size, file.identity)
        for file in storage.glob(pattern)
        if not is_folder or file.path.lower().endswith(endings)
    ]


def with_distinct_names(files: list[Split]) -> list[Split]:
    """Returns the files, each with a name of its own, as `whole_files` says."""
    if len({file.name for file in files}) == len(files):
        return files
    levels = zip(*(file.path.split("/")[:-1] for file in files), strict=False)
    common = "/".join(names[0] for names in takewhile(lambda names: len(set(names)) == 1, levels))
    inside = [replace(file, root=common) for file in files]
    if len({file.name for file in inside}) == len(inside):
        return inside
    return [replace(file, root=file.path) for file in files]  # the name is the whole path


def path_notes(paths: str | list[str], endings: tuple[str, ...], beside: tuple[str, ...]) -> Iterator[str]:
    """Yields lines for `notes()` about the local `paths`: each link that leads to nothing, and how many files of a folder are not
    read because of their names. Hidden ones and those that begin with `_` are not counted.

    Parameters:
        paths: Files, folders or glob patterns, local or `s3://`; one or a list.
        endings: The file name endings that the reader can read.
        beside: Endings of what usually lies beside such files and is no input, or is read with them.
    """
    for pattern in as_list(paths):
        yield from (f"{path}: a link that leads to no file; it is not read" for path in storage.broken_links(pattern))
        if not storage.is_remote(pattern) and os.path.isdir(pattern):
            yield from _unread(pattern, (*endings, *beside, *_BESIDE))


def _unread(folder: str, expected: tuple[str, ...]) -> Iterator[str]:
    """A line on the files of a folder with other endings than are expected there."""
    names = [file.path[len(folder) :].strip("/").lower() for file in storage.glob(folder)]
    unread = [name for name in names if not any(part[0] in "._" for part in name.split("/")) and not name.endswith(expected)]
    counts = sorted(Counter(_ending(name) for name in unread).items(), key=lambda item: (-item[1], item[0]))
    which = ", ".join(f"{ending} ({count:,})" for ending, count in counts[:_MOST_NAMED])
    more = ", ..." if len(counts) > _MOST_NAMED else ""
    if len(unread) == 1:
        yield f"{folder}: 1 file is not read, by the ending of its name: {which}"
    elif unread:
        yield f"{folder}: {len(unread):,} files are not read, by the endings of their names: {which}{more}"


def _ending(name: str) -> str:
    return f".{name.rpartition('.')[2]}" if "." in name.rpartition("/")[2] else "no ending"


_BESIDE = (".md", ".yaml", ".yml", ".crc", ".idx", ".index", ".log", ".lock", ".py", ".md5", ".sha256", "license", "success")
"""Endings of what is no input of any reader."""
_MOST_NAMED = 5
"""Endings that a note names. Our choice."""


def path_problems(paths: str | list[str], endings: tuple[str, ...]) -> Iterator[str]:
    """Yields a problem for `check()` for each path without a file to read. It does not use the network.

    Parameters:
        paths: Files, folders or glob patterns, local or `s3://`; one or a list. Of `s3://` only the credentials are checked.
        endings: The file name endings that the reader can read.
    """
    if not as_list(paths) or any(not pattern.strip() for pattern in as_list(paths)):
        yield "paths: names nothing to read"
        return
    for pattern in as_list(paths):
        problem = storage.credentials_problem(pattern)
        if problem:
            yield problem
        elif not storage.is_remote(pattern) and not whole_files(pattern, endings):
            yield _nothing_at(pattern, endings)


def _nothing_at(pattern: str, endings: Sequence[str]) -> str:
    return f"{pattern}: no such file, or nothing in it that ends in {_named(endings)}"


def _named(endings: Sequence[str]) -> str:
    """Endings for people: (".json", ".json.gz", ".csv") -> ".json, .csv, or one of them and .gz"."""
    plain = [ending for ending in endings if not any(ending.startswith(f"{other}.") for other in endings)]
    packed = dict.fromkeys(ending.rpartition(".")[2] for ending in endings if ending not in plain)
    return ", ".join(plain) + (f", or one of them and {' or '.join(f'.{name}' for name in packed)}" if packed else "")
