"""An object as a seekable file, fetched in pieces as it is read."""

from __future__ import annotations

import errno
import io
import os
from typing import TYPE_CHECKING

from interloom.pipeline.errors import UnitError
from interloom.pipeline.store.object_stores import store_of

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

SMALL_READ, LARGE_READ = 256 << 10, 8 << 20


class RangeReader(io.RawIOBase):
    """An object as a seekable file. Reading on from where it stopped fetches ever larger pieces, up to 8 MB; a jump starts
    small again, so that looking up a footer costs little and streaming a crawl file few requests."""

    def __init__(self, path: str) -> None:
        head = store_of(path).head(path)
        if head is None:
            raise FileNotFoundError(errno.ENOENT, "no such object", path)
        self.path = path
        self._size, self._etag = head
        self._at, self._window = 0, SMALL_READ
        self._start, self._piece = 0, b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError(f"negative seek position {base + offset}")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        if not self._start <= self._at < self._start + len(self._piece):
            self._fetch(len(view))
        begin = self._at - self._start
        taken = self._piece[begin : begin + len(view)] if begin >= 0 else b""
        view[: len(taken)] = taken
        self._at += len(taken)
        return len(taken)

    def _fetch(self, wanted: int) -> None:
        follows = self._at == self._start + len(self._piece)
        self._window = min(self._window * 4, LARGE_READ) if follows and self._piece else SMALL_READ
        stop = min(self._at + max(self._window, min(wanted, LARGE_READ)), self._size)
        self._start, self._piece = self._at, b""
        if stop > self._at:
            self._piece = store_of(self.path).read(self.path, (self._at, stop - 1), self._etag)
            if len(self._piece) != stop - self._at:
                raise UnitError(f"{self.path}: wanted {stop - self._at} bytes at {self._at}, got {len(self._piece)}")
