"""Files by path: local, `s3://bucket/key` or `az://container/key`. Nothing else touches storage but the user's disk.

A file that is not there is FileNotFoundError with its path; a store that refuses us is ConfigError; one that fails after
all retries is UnitError. Writes are atomic: a reader sees all of a file or nothing.
"""

from __future__ import annotations

import builtins
import hashlib
import io
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from interloom.pipeline.errors import ConfigError, DamageError
from interloom.pipeline.store import atomic, local_files, object_patterns
from interloom.pipeline.store.object_stores import is_misspelt, is_object, refused, store_of
from interloom.pipeline.store.range_reader import SMALL_READ, RangeReader


@dataclass(frozen=True, slots=True, order=True)
class Found:
    """A file: its path, size in bytes, and `identity`, which changes when the content does (size and etag or mtime)."""

    path: str
    size: int
    identity: str


def is_remote(path: str) -> bool:
    return is_object(path)


def join(root: str, *names: str) -> str:
    """`root` and names with one slash between them, on disk and in S3 alike."""
    ends = [root.rstrip("/")] if root else []
    return "/".join([*ends, *(name.strip("/") for name in names if name.strip("/"))]) or root


def canonical(path: str) -> str:
    """One name for one place: absolute, without `..` and symbolic links; of an object its path."""
    return path.rstrip("/") if is_remote(path) else os.path.realpath(path)


def read(path: str) -> bytes:
    if is_remote(path):
        return store_of(path).read(path)
    with _told(path), builtins.open(local_files.of_stored_name(path), "rb", buffering=0) as file:
        return file.read()


def read_range(path: str, offset: int, size: int) -> bytes:
    """Exactly `size` bytes from `offset`; fewer is a DamageError."""
    if offset < 0 or size < 0:
        raise ValueError(f"{path}: a range of {size} bytes at {offset}")
    data = _range(path, offset, size) if size else b""
    if len(data) != size:
        raise DamageError(path, f"wanted {size} bytes at {offset}, got {len(data)}; it is cut or was replaced")
    return data


def _range(path: str, offset: int, size: int) -> bytes:
    if is_remote(path):
        return store_of(path).read(path, (offset, offset + size - 1))
    with _told(path), builtins.open(local_files.of_stored_name(path), "rb") as file:
        file.seek(offset)
        return file.read(size)


def open(path: str) -> BinaryIO:
    """The file for reading, seekable and buffered; an object is fetched in pieces as it is read."""
    if is_remote(path):
        return cast(BinaryIO, io.BufferedReader(RangeReader(path), SMALL_READ))
    with _told(path):
        return builtins.open(local_files.of_stored_name(path), "rb")


def sha256(path: str) -> str:
    """The sha256 of a file of any size, in hex."""
    with open(path) as file:
        return hashlib.file_digest(cast(io.BufferedReader, file), "sha256").hexdigest()


def write(path: str, data: bytes) -> None:
    """Replaces what is there."""
    if is_remote(path):
        return store_of(path).put(path, data)
    with _told(path):
        atomic.replace(path, lambda file: file.write(data))


def write_once(path: str, data: bytes) -> bool:
    """True if the file is written now, False if it was there already: of many writers, one is told True."""
    if is_remote(path):
        return store_of(path).put_once(path, data)
    with _told(path):
        return atomic.create(path, data)


def write_if(path: str, content: bytes | Path, allow: Callable[[], object]) -> None:
    """Writes bytes, or a copy of a local file, in place of what is there, unless `allow` raises.

    `allow` is asked right before the file appears. Who takes over makes `allow` raise and then calls `discard_unfinished`: after
    that nothing that was allowed before appears. An object appears only if nobody wrote it since `allow` was asked.
    """
    if is_remote(path):
        return store_of(path).put_if(path, content, allow)
    with _told(path):
        try:
            if isinstance(content, bytes):
                return atomic.replace(path, lambda file: file.write(content), allow)
            with content.open("rb") as source:
                return atomic.replace(path, lambda file: shutil.copyfileobj(source, file, 8 << 20), allow)
        except FileNotFoundError:
            allow()
            raise


def discard_unfinished(folder: str, *, deep: bool = True) -> None:
    """Removes files that others are writing in a folder (and, if `deep`, below), so that they do not appear. Objects appear on a
    condition instead."""
    if not is_remote(folder):
        with _told(folder):
            atomic.discard_unfinished(folder, deep=deep)


def ages(folder: str) -> dict[str, float]:
    """How many seconds ago each file right in a folder was written, by the store's own clock; empty if there is no folder."""
    if is_remote(folder):
        return store_of(folder).ages(folder)
    with _told(folder):
        return atomic.ages(folder) if os.path.isdir(folder) else {}


def keep_young(path: str, data: bytes) -> None:
    """Makes the age of a file with this content zero. Raises FileNotFoundError if it is not there; an object is then made."""
    if is_remote(path):
        return store_of(path).put(path, data)
    with _told(path):
        os.utime(path)


def upload(local_file: str | Path, path: str) -> None:
    """Copies a local file of any size to `path`, which appears when it is whole."""
    if is_remote(path):
        return store_of(path).upload(path, Path(local_file))
    with builtins.open(local_file, "rb") as source, _told(path):
        atomic.replace(path, lambda file: shutil.copyfileobj(source, file, 8 << 20))


@contextmanager
def _told(path: str) -> Iterator[None]:
    if "://" in path:
        raise ConfigError(refused(path))
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
    return bool(store_of(path).listing(path, deep=False)) if path.endswith("/") else store_of(path).head(path) is not None


def glob(pattern: str) -> list[Found]:
    """The files a path, a folder (with all below it) or a pattern names, sorted by path; none is no error.

    `*`, `?` and `[...]` match within one name, `**` any number of folders; hidden names need their dot written. A local
    file is named once, however many links lead to it.
    """
    if is_remote(pattern):
        objects = (entry for entry in object_patterns.matching(pattern) if not entry[0].endswith("/"))
        files = [Found(path, size, f"{size}-{etag}") for path, size, etag in objects]
    else:
        with _told(pattern):
            files = [_local(path) for path in local_files.named(pattern, atomic.TEMPORARY)]
    return sorted(files)


def broken_links(pattern: str) -> list[str]:
    """Links that a local path, folder or pattern names and that lead to no file; object storage has no links."""
    if is_remote(pattern):
        return []
    with _told(pattern):
        return local_files.broken_links(pattern)


def _local(path: str) -> Found:
    stat = os.stat(path)
    return Found(path, stat.st_size, f"{stat.st_size}-{stat.st_mtime_ns}")


def root_of(pattern: str) -> str:
    """The folder that names are relative to: a folder itself, a file's folder, or what precedes the first wildcard."""
    wild = object_patterns.WILD.search(pattern)
    if wild is not None and (is_remote(pattern) or not os.path.exists(pattern)):
        return pattern[: wild.start()].rpartition("/")[0]
    if pattern.endswith("/"):
        return pattern.rstrip("/") or "/"
    is_folder = not exists(pattern) if is_remote(pattern) else os.path.isdir(pattern)
    return pattern if is_folder else pattern.rpartition("/")[0]


def list_names(folder: str, *, unfinished: bool = False) -> list[str]:
    """The names directly under a folder, sorted, if `unfinished` with files that are being written; none without the folder."""
    if is_remote(folder):
        prefix = folder.rstrip("/") + "/"
        names = (path.removeprefix(prefix).rstrip("/") for path, _, _ in store_of(prefix).listing(prefix, deep=False))
        return sorted(name for name in names if name)
    if not os.path.isdir(folder):
        return []
    with _told(folder):
        return sorted(name for name in os.listdir(folder) if unfinished or not name.startswith(atomic.TEMPORARY))


def credentials_problem(path: str) -> str | None:
    """What keeps us from the store that `path` is in, found without the network; None when nothing does."""
    if is_remote(path):
        return store_of(path).credentials_problem(path)
    return refused(path) if "://" in path or is_misspelt(path) else local_files.problem_of_name(path)


def remove(path: str) -> None:
    """Removes a file; that it is not there is no error."""
    if is_remote(path):
        return store_of(path).remove(path)
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
