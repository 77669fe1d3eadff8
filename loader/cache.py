"""A folder of whole shards on a local disk, which any number of processes share and which holds no more than it may.

A shard appears by a rename, when it is whole. One process fetches it (it makes a claim that others see); until it is there,
others read what they need from the store, so nobody waits. Files that were not used for longest go first: a process that has
one open goes on reading it.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
import time
from contextlib import suppress
from dataclasses import dataclass

from interloom.loader.whole_numbers import problem_of
from interloom.pipeline.errors import ConfigError, DamageError
from interloom.pipeline.store import storage

_CLAIM = ".claim"
_UNFINISHED = ".part"
_OWN_NAME = re.compile(r"[0-9a-f]{64}(\.|$)")
"""Other files are not ours: they are not counted, and never removed."""
_PIECE = 8 << 20
_CLAIM_S = 600.0
"""Seconds after which the claim of a process that ended counts no more. Our choice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """Where shards of a store are kept on this machine.

    Parameters:
        folder: A local folder, which is made if it is not there. Files of others in it stay.
        most_bytes: The shards in it may take so much together. Bytes. Default 64 GiB, our choice.
    """

    folder: str | os.PathLike[str]
    most_bytes: int = 64 << 30

    def check(self) -> None:
        """Makes the folder. Raises ConfigError if that is not possible, or it cannot be written to."""
        if problem := problem_of("cache", {"most_bytes": self.most_bytes}, 1):
            raise ConfigError(problem)
        if not isinstance(self.folder, str | os.PathLike):
            raise ConfigError(f"cache: folder: a local folder, not {self.folder!r}")
        try:
            os.makedirs(self.folder, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"cache: {os.fspath(self.folder)}: {error.strerror or error}") from error
        if not os.access(self.folder, os.W_OK | os.X_OK):
            raise ConfigError(f"cache: {os.fspath(self.folder)}: it cannot be written to")

    def local_copy(self, path: str, size: int, sha256: str) -> str | None:
        """The local file of a shard. It is fetched if it is not there, unless another process fetches it now, or it is larger
        than all may be: then there is none. Raises DamageError if the shard is not what its checksum says."""
        local = os.path.join(self.folder, sha256)
        if self._used(local, size):
            return local
        if size > self.most_bytes or not _claimed(local):
            return None
        try:
            _copy(path, sha256, local)
            self._evict(local)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(local + _CLAIM)
        return local if self._used(local, size) else None

    def drop(self, local: str) -> None:
        """Removes a file that is not what it was: it is fetched again."""
        with suppress(FileNotFoundError):
            os.unlink(local)

    def _used(self, local: str, size: int) -> bool:
        """Whether the file is there, as large as it was; it then counts as used now. A file of another size is removed."""
        try:
            if os.stat(local).st_size != size:
                self.drop(local)
                return False
            os.utime(local)
        except FileNotFoundError:
            return False
        return True

    def _evict(self, keep: str) -> None:
        """Removes the files that were not used for longest, until the others may stay."""
        files = list[tuple[float, int, str]]()
        for entry in os.scandir(self.folder):
            with suppress(FileNotFoundError):  # another process removes it, too
                stat = entry.stat()
                if not _OWN_NAME.match(entry.name):
                    continue
                if entry.name.endswith(_UNFINISHED) and time.time() - stat.st_mtime > _CLAIM_S:
                    os.unlink(entry.path)
                elif not entry.name.endswith(_CLAIM):
                    files.append((stat.st_mtime, stat.st_size, entry.path))
        total = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if total <= self.most_bytes:
                return
            if path != keep and not path.endswith(_UNFINISHED):
                with suppress(FileNotFoundError):
                    os.unlink(path)
                total -= size


def _claimed(local: str) -> bool:
    os.makedirs(os.path.dirname(local), exist_ok=True)
    with suppress(FileNotFoundError):
        if time.time() - os.stat(local + _CLAIM).st_mtime > _CLAIM_S:
            os.unlink(local + _CLAIM)
    try:
        os.close(os.open(local + _CLAIM, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        return False
    return True


def _copy(path: str, sha256: str, local: str) -> None:
    part = f"{local}.{os.getpid()}.{threading.get_ident()}{_UNFINISHED}"
    digest = hashlib.sha256()
    try:
        with storage.open(path) as source, open(part, "wb") as target:
            while piece := source.read(_PIECE):
                digest.update(piece)
                target.write(piece)
        if digest.hexdigest() != sha256:
            raise DamageError(path, "its checksum is not that of the manifest")
        os.replace(part, local)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(part)
