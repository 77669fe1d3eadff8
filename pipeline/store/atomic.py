"""Writes local files that appear whole: a reader sees all of a file or nothing, even after a loss of power."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from errno import EACCES, EPERM, EROFS
from itertools import islice
from typing import BinaryIO, TypeVar

T = TypeVar("T")

TEMPORARY = ".interloom-tmp-"
"""Names of files that are being written begin with this."""
_MAY_NOT_WRITE = (EACCES, EPERM, EROFS)
_UNNAMED = getattr(os, "O_TMPFILE", 0)
"""Opens a file without a name. 0, with which opening a folder fails, where the system has no such files."""


def replace(path: str, fill: Callable[[BinaryIO], object], allow: Callable[[], object] = lambda: None) -> None:
    """Writes a file, by `fill`, in place of what is there. `allow` is called when it is written and before it appears: what it
    raises keeps the file from appearing. Raises FileNotFoundError if `discard_unfinished` removed it meanwhile."""

    def appear(name: str) -> None:
        allow()
        os.replace(name, path)

    _under_another_name(_made_folder(path), fill, appear)


def discard_unfinished(folder: str, *, deep: bool = True) -> None:
    """Removes files that are being written in a folder, so that they do not appear; if `deep`, also those in folders below."""
    for place, _, names in islice(os.walk(folder), None if deep else 1):
        for name in names:
            if name.startswith(TEMPORARY):
                with suppress(FileNotFoundError):
                    os.unlink(os.path.join(place, name))


def ages(folder: str) -> dict[str, float]:
    """How many seconds ago each file in a folder was written, by the clock of the file system that it lies on; by that of this
    machine where it may not write."""
    try:
        with _probe(folder) as handle:
            os.utime(handle)
            now = os.fstat(handle).st_mtime
    except OSError as error:
        if error.errno not in _MAY_NOT_WRITE:
            raise
        now = time.time()
    seconds = dict[str, float]()
    with os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):  # another process removes it meanwhile
                if not entry.name.startswith(TEMPORARY):
                    seconds[entry.name] = now - entry.stat().st_mtime
    return seconds


@contextmanager
def _probe(folder: str) -> Iterator[int]:
    """A file in the folder that is open and has no name; it has one where the system has no such files."""
    name = ""
    try:
        handle = os.open(folder, os.O_WRONLY | _UNNAMED, 0o600)
    except OSError:
        handle, name = tempfile.mkstemp(prefix=TEMPORARY, dir=folder)
    try:
        yield handle
    finally:
        os.close(handle)
        if name:
            with suppress(FileNotFoundError):  # `discard_unfinished` was quicker
                os.unlink(name)


def create(path: str, data: bytes) -> bool:
    """Writes a file unless it is there. Returns whether it did: of many writers, one is told True."""
    if os.path.lexists(path):
        return False
    folder = _made_folder(path)
    try:
        return _create_unnamed(folder, path, data)
    except OSError:  # the file system has no unnamed files, or the process has no /proc
        return _create_named(folder, path, data)


def _create_unnamed(folder: str, path: str, data: bytes) -> bool:
    """The file has no name until it is whole, because a name that comes and goes takes as long as the rest."""
    with os.fdopen(os.open(folder, os.O_WRONLY | _UNNAMED, 0o600), "wb") as file:
        _fill(file, lambda file: file.write(data))
        handle = file.fileno()
        try:
            os.link(f"/proc/self/fd/{handle}", path, src_dir_fd=handle, follow_symlinks=True)  # it follows only with `src_dir_fd`
        except FileExistsError:
            return False
    return True


def _create_named(folder: str, path: str, data: bytes) -> bool:
    return _under_another_name(folder, lambda file: file.write(data), lambda name: _appear(name, path))


def _under_another_name(folder: str, fill: Callable[[BinaryIO], object], appear: Callable[[str], T]) -> T:
    """Writes a file of a temporary name and lets it appear under its own. Returns what `appear` returns."""
    handle, name = tempfile.mkstemp(prefix=TEMPORARY, dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            _fill(file, fill)
        return appear(name)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(name)


def _appear(name: str, path: str) -> bool:
    try:
        os.link(name, path)  # unlike a rename, it fails when the file is there
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links: nearly as good
        if os.path.lexists(path):
            return False
        os.replace(name, path)
    return True


def _fill(file: BinaryIO, fill: Callable[[BinaryIO], object]) -> None:
    """Writes the file's content, which is on the disk when this returns."""
    fill(file)
    file.flush()
    os.fsync(file.fileno())
    os.fchmod(file.fileno(), 0o644)


def _made_folder(path: str) -> str:
    """The folder of the file, which is made if it is not there."""
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        os.makedirs(folder, exist_ok=True)
    return folder
