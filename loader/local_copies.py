"""The shards of a store that are in the cache of this machine, as a process reads them; threads of its own fetch them."""

from __future__ import annotations

import logging
import os
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from threading import Lock

from interloom.loader.cache import Cache
from interloom.loader.shards import ShardFolder
from interloom.pipeline.errors import described
from interloom.pipeline.store import storage

_log = logging.getLogger("interloom.loader")
_OPEN_FILES = 64
_FETCHERS = 2


class OpenFile:
    """A file that stays open as long as somebody has it, even if it is removed."""

    def __init__(self, path: str) -> None:
        self.path, self.handle = path, -1
        self.handle = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))

    def __del__(self) -> None:
        if self.handle >= 0:
            os.close(self.handle)


class OpenFiles:
    """Files that were read last. Threads may share it."""

    def __init__(self) -> None:
        self._files, self._lock = dict[str, OpenFile](), Lock()

    def opened(self, path: str) -> OpenFile:
        """The file, open."""
        with self._lock:
            file = self._files.get(path)
            if file is None:
                file = self._files[path] = OpenFile(path)
                if len(self._files) > _OPEN_FILES:
                    del self._files[next(iter(self._files))]
        return file

    def forget(self, path: str) -> None:
        """The file is opened anew when it is asked for."""
        with self._lock:
            self._files.pop(path, None)

    def clear(self) -> None:
        """Closes files that nobody reads."""
        with self._lock:
            self._files.clear()


class LocalCopies:
    """The copies of shards in the cache.

    A copy that was lost (the cache is too small, or somebody removes its files) is made again when as much has been read of the
    shard from the store as it is large: so whatever happens, no more than twice as much is read as without a cache.

    Parameters:
        cache: The cache.
        files: Where they are opened.
    """

    def __init__(self, cache: Cache, files: OpenFiles) -> None:
        self._cache, self._files, self._lock = cache, files, Lock()
        self._fetched, self._until_next = dict[str, Future[str | None]](), dict[str, int]()
        self._pool = ThreadPoolExecutor(_FETCHERS)
        self._checked = set[str]()
        self._has_warned = False

    def close(self) -> None:
        """Ends fetching."""
        self._pool.shutdown(cancel_futures=True)

    def opened(self, folder: ShardFolder, shard: int) -> OpenFile | None:
        """The copy of a shard. If it is not there, it is fetched while others read what they need from the store."""
        path, size = folder.path(shard), int(folder.sizes[shard])
        with self._lock:
            future = self._fetched.get(path)
            if future is None:
                if self._until_next.get(path, 0) <= 0:
                    self._fetched[path] = self._pool.submit(self._cache.local_copy, path, size, folder.index.sha256(shard))
                return None
        if not future.done():
            return None
        error = future.exception()
        local = None if error else future.result()
        if local:
            with suppress(FileNotFoundError):
                return self._files.opened(local)
        self._forget(path, size if local or error else 0)
        if error and not self._has_warned:
            self._has_warned = True
            _log.warning("%s: it does not get into the cache (%s); samples are read from the store", path, described(error))
        return None

    def dropped(self, folder: ShardFolder, shard: int) -> bool:
        """Whether the copy of a shard, of which something could not be read, is damaged. It then goes. A copy is checked once."""
        path, sha256 = folder.path(shard), folder.index.sha256(shard)
        file = self.opened(folder, shard)
        with self._lock:
            if file is None or path in self._checked:
                return False
            self._checked.add(path)
        if storage.sha256(file.path) == sha256:
            return False
        _log.warning("%s: the copy %s is damaged; it is fetched again", path, file.path)
        self.lost(path, file)
        return True

    def lost(self, path: str, file: OpenFile) -> None:
        """The copy of the shard at `path` is not what it was: it is fetched again."""
        self._files.forget(file.path)
        self._cache.drop(file.path)
        self._forget(path, 0)

    def read_from_store(self, path: str, size: int) -> None:
        """Notes that so many bytes of the shard at `path` have been read from the store."""
        with self._lock:
            if path in self._until_next:
                self._until_next[path] -= size

    def _forget(self, path: str, until_next: int) -> None:
        with self._lock:
            self._fetched.pop(path, None)
            self._until_next[path] = until_next
