"""Temporary folders and files on this machine. Their names tell which process made them, so that the next one removes what a
killed process left, and nothing else."""

from __future__ import annotations

import atexit
import os
import re
import shutil
import tempfile
from contextlib import suppress
from errno import EDQUOT, ENOSPC
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from interloom.pipeline.process_identity import ProcessIdentity, this_process

_NAME = re.compile(r"interloom-(?:[a-z]+-)?([0-9a-f]{12}-[0-9]+-[0-9]+)-[^-]+")


def temporary_folder(kind: str = "") -> TemporaryDirectory[str]:
    """A folder that goes with its `cleanup`, or at the end of a `with`."""
    return TemporaryDirectory(prefix=_prefix(kind))


def folder_until_exit(kind: str) -> Path:
    """A folder that goes when the process ends."""
    folder = Path(tempfile.mkdtemp(prefix=_prefix(kind)))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def temporary_file(kind: str, suffix: str = "") -> IO[bytes]:
    """A file with a name that goes when it is closed."""
    return tempfile.NamedTemporaryFile(prefix=_prefix(kind), suffix=suffix)


def full_folder(error: OSError) -> str:
    """Where a disk is full whose error names no file: storage names those that stay, so it is a temporary one; "" for others."""
    if error.errno not in (ENOSPC, EDQUOT) or error.filename is not None:
        return ""
    return f": {tempfile.gettempdir()}, the folder for temporary files (TMPDIR names another)"


def _prefix(kind: str) -> str:
    _remove_once(os.getpid(), tempfile.gettempdir())
    return f"interloom-{kind}{'-' if kind else ''}{this_process()}-"


@lru_cache(maxsize=1)
def _remove_once(pid: int, folder: str) -> None:
    remove_left_behind(folder)


def remove_left_behind(folder: str = "") -> None:
    """Removes what processes of this user that are known to be dead made here (by default in the folder for temporary files)."""
    with suppress(OSError), os.scandir(folder or tempfile.gettempdir()) as entries:
        for entry in entries:
            name = _NAME.fullmatch(entry.name)
            process = ProcessIdentity.parse(name[1]) if name else None
            if process is not None and process.is_dead():
                _remove(entry)


def _remove(entry: os.DirEntry[str]) -> None:
    with suppress(OSError):  # another process removes it, too
        if entry.is_symlink() or entry.stat().st_uid != os.getuid():
            return
        if entry.is_dir():
            shutil.rmtree(entry.path)
        else:
            os.unlink(entry.path)
