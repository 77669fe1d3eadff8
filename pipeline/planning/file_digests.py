"""sha256 of local files, remembered, so that planning does not read gigabytes of model weights each time."""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import suppress
from pathlib import Path

from interloom.pipeline.store import atomic

_REMEMBERED_FROM_BYTES = 16 << 20
_SETTLED_S = 2.0  # a file written a moment ago may be written again within the clock's resolution

_known: dict[str, str] = {}


def digest_of_file(path: str) -> str:
    """The sha256 of a file's content, in hex.

    A file whose device, inode, size and times did not change since it was last read is not read again: in this process,
    and, from 16 MiB on, in later ones (`interloom/sha256` in the user's cache folder).
    """
    stat = os.stat(path)
    key = f"{stat.st_dev}:{stat.st_ino}:{stat.st_size}:{stat.st_mtime_ns}:{stat.st_ctime_ns}"
    if (digest := _known.get(key) or _recall(key)) is None:
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if time.time() - max(stat.st_mtime, stat.st_ctime) < _SETTLED_S:
            return digest
        if stat.st_size >= _REMEMBERED_FROM_BYTES:
            _remember(key, digest)
    _known[key] = digest
    return digest


def _place(key: str) -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(home).expanduser() / "interloom" / "sha256" / hashlib.sha256(key.encode()).hexdigest()


def _recall(key: str) -> str | None:
    with suppress(OSError, UnicodeDecodeError):
        digest = _place(key).read_text()
        return digest if len(digest) == 64 else None
    return None


def _remember(key: str, digest: str) -> None:
    """A cache that cannot be written is no error: the file is read again next time."""
    place = _place(key)
    with suppress(OSError):
        atomic.replace(str(place), lambda file: file.write(digest.encode()))
