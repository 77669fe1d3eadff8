"""Reads and writes files by path: local, or `s3://bucket/key`. The one place that touches storage besides the user's disk.

A file that is not there is FileNotFoundError with its path; a store that refuses us is ConfigError; one that fails after
all retries is UnitError. Writes are atomic: a reader sees all of a file or nothing.
"""

from __future__ import annotations

import builtins
import io
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import BinaryIO, cast

from interloom.pipeline.errors import ConfigError, UnitError
from interloom.pipeline.store import atomic, local_files, s3
from interloom.pipeline.store.range_reader import SMALL_READ, RangeReader

_WILD = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True, order=True)
class Found:
    """A file: its path, size in bytes, and `identity`, which changes when the content does (size and etag or mtime)."""

    path: str
    size: int
    identity: str


def is_remote(path: str) -> bool:
    return path.startswith(s3.SCHEME)


def join(root: str, *names: str) -> str:
    """`root` and names with one slash between them, on disk and in S3 alike."""
    ends = [root.rstrip("/")] if root else []
    return "/".join([*ends, *(name.strip("/") for name in names if name.strip("/"))]) or root


def canonical(path: str) -> str:
    """One name for one place: absolute, without `..` and symbolic links; of an object its path."""
    return path.rstrip("/") if is_remote(path) else os.path.realpath(path)


def read(path: str) -> bytes:
    if is_remote(path):
        return s3.read(path)
    with _told(path), builtins.open(path, "rb", buffering=0) as file:
        return file.read()


def read_range(path: str, offset: int, size: int) -> bytes:
    """Exactly `size` bytes from `offset`; fewer is a UnitError."""
    if offset < 0 or size < 0:
        raise ValueError(f"{path}: a range of {size} bytes at {offset}")
    data = _range(path, offset, size) if size else b""
    if len(data) != size:
        raise UnitError(f"{path}: wanted {size} bytes at {offset}, got {len(data)}; the file is cut or was replaced")
    return data


def _range(path: str, offset: int, size: int) -> bytes:
    if is_remote(path):
        return s3.read(path, (offset, offset + size - 1))
    with _told(path), builtins.open(path, "rb") as file:
        file.seek(offset)
        return file.read(size)


def open(path: str) -> BinaryIO:
    """The file for reading, seekable and buffered; an object is fetched in pieces as it is read."""
    if is_remote(path):
        return cast(BinaryIO, io.BufferedReader(RangeReader(path), SMALL_READ))
    with _told(path):
        return builtins.open(path, "rb")


def write(path: str, data: bytes) -> None:
    """Replaces what is there."""
    if is_remote(path):
        return s3.put(path, data)
    with _told(path):
        atomic.replace(path, lambda file: file.write(data))


def write_once(path: str, data: bytes) -> bool:
    """True if the file is written now, False if it was there already: of many writers, one is told True."""
    if is_remote(path):
        return s3.put_once(path, data)
    with _told(path):
        return atomic.create(path, data)


def upload(local_file: str | Path, path: str) -> None:
    """Copies a local file of any size to `path`, which appears when it is whole."""
    if is_remote(path):
        return s3.upload(path, Path(local_file))
    with builtins.open(local_file, "rb") as source, _told(path):
        atomic.replace(path, lambda file: shutil.copyfileobj(source, file, 8 << 20))


@contextmanager
def _told(path: str) -> Iterator[None]:
    if "://" in path:
        raise ConfigError(f"{path}: not a local path and not {s3.SCHEME}bucket/key")
    try:
        yield
    except PermissionError as error:
        raise ConfigError(f"{path}: access denied; check the permissions") from error
    except OSError as error:
        if error.filename is None and error.errno:  # of a write: name the file that could not be written
            raise OSError(error.errno, error.strerror, path) from error
        raise


def exists(path: str) -> bool:
    """Whether there is a file (or, on disk and for paths that end in a slash, a folder)."""
    if not is_remote(path):
        return os.path.exists(path)
    return bool(s3.listing(path, deep=False)) if path.endswith("/") else s3.head(path) is not None


def glob(pattern: str) -> list[Found]:
    """The files a path, a folder (with all below it) or a pattern names, sorted by path; none is no error.

    `*`, `?` and `[...]` match within one name, `**` any number of folders; hidden names need their dot written. A local
    file is named once, however many links lead to it.
    """
    if is_remote(pattern):
        found = [Found(path, size, f"{size}-{etag}") for path, size, etag in _remote(pattern) if not path.endswith("/")]
    else:
        with _told(pattern):
            found = [_local(path) for path in local_files.named(pattern, atomic.TEMPORARY)]
    return sorted(found)


def broken_links(pattern: str) -> list[str]:
    """Links that a local path, folder or pattern names and that lead to no file; object storage has no links."""
    if is_remote(pattern):
        return []
    with _told(pattern):
        return local_files.broken_links(pattern)


def _local(path: str) -> Found:
    stat = os.stat(path)
    return Found(path, stat.st_size, f"{stat.st_size}-{stat.st_mtime_ns}")


def _remote(pattern: str) -> list[tuple[str, int, str]]:
    wild = _WILD.search(pattern)
    if wild is None:
        found = s3.head(pattern) if not pattern.endswith("/") else None
        return [(pattern, *found)] if found else s3.listing(pattern.rstrip("/") + "/")
    names = pattern.split("/")
    fixed = pattern[: wild.start()]
    deep = _WILD.search("/".join(names[:-1])) is not None or "**" in names
    return [one for one in s3.listing(fixed, deep=deep) if _matches(one[0].split("/"), names)]


def _matches(names: list[str], patterns: list[str]) -> bool:
    if not patterns or not names:
        return not names and all(pattern == "**" for pattern in patterns)
    hidden = names[0].startswith(".") and not patterns[0].startswith(".")
    if patterns[0] == "**":
        return _matches(names, patterns[1:]) or (not hidden and _matches(names[1:], patterns))
    return not hidden and fnmatchcase(names[0], patterns[0]) and _matches(names[1:], patterns[1:])


def root_of(pattern: str) -> str:
    """The folder that names are relative to: a folder itself, a file's folder, or what precedes the first wildcard."""
    wild = _WILD.search(pattern)
    if wild is not None and (is_remote(pattern) or not os.path.exists(pattern)):
        return pattern[: wild.start()].rpartition("/")[0]
    if pattern.endswith("/"):
        return pattern.rstrip("/") or "/"
    is_folder = not exists(pattern) if is_remote(pattern) else os.path.isdir(pattern)
    return pattern if is_folder else pattern.rpartition("/")[0]


def list_names(folder: str) -> list[str]:
    """The names directly under a folder, sorted; a folder that is not there has none."""
    if is_remote(folder):
        prefix = folder.rstrip("/") + "/"
        names = (path.removeprefix(prefix).rstrip("/") for path, _, _ in s3.listing(prefix, deep=False))
        return sorted(name for name in names if name)
    if not os.path.isdir(folder):
        return []
    with _told(folder):
        return sorted(name for name in os.listdir(folder) if not name.startswith(atomic.TEMPORARY))


def credentials_problem(path: str) -> str | None:
    """What keeps us from the store that `path` is in, found without the network; None when nothing does."""
    if is_remote(path):
        return s3.credentials_problem(path)
    return f"{path}: not a local path and not {s3.SCHEME}bucket/key" if "://" in path else None


def remove(path: str) -> None:
    """Removes a file; that it is not there is no error."""
    if is_remote(path):
        return s3.remove(path)
    with _told(path):
        Path(path).unlink(missing_ok=True)


def remove_empty_folders(folder: str) -> None:
    """Removes a folder and those below it, as far as they hold no files; object storage has no folders to remove."""
    if is_remote(folder):
        return
    with _told(folder):
        for path, _, _ in os.walk(folder, topdown=False):
            with suppress(OSError):
                os.rmdir(path)
