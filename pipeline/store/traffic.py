"""Counts the requests and bytes that go through `storage` in this process, as an object store counts them.

They are counted the same for a local folder, so that a run on this machine tells what it would ask of an object store. Not
counted are requests of the driver for the lease, removals (stores do not charge for them) and what programs such as ffmpeg read.
"""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from interloom.pipeline.store import storage
from interloom.pipeline.store.range_reader import LARGE_READ, SMALL_READ
from interloom.pipeline.store.s3.objects import MULTIPART_BYTES

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_LISTED_AT_ONCE = 1000
"""Names in one answer of an object store."""
_PART_BYTES = 16 << 20
"""A large object is sent in parts of this size."""
_BUFFER_BYTES = 64 << 10
"""A file that is opened is read in pieces of this size, or larger ones if more is asked for."""
_lock = threading.Lock()
_here = threading.local()


@dataclass(slots=True)
class Traffic:
    """Requests that read (`gets`, also those that only look), that write (`puts`) and that list (`lists`), and bytes."""

    gets: int = 0
    puts: int = 0
    lists: int = 0
    read_bytes: int = 0
    written_bytes: int = 0


_total = Traffic()


def so_far() -> Traffic:
    """What this process has counted."""
    with _lock:
        return Traffic(_total.gets, _total.puts, _total.lists, _total.read_bytes, _total.written_bytes)


@contextmanager
def uncounted() -> Iterator[None]:
    """What this thread does inside is not counted: it belongs to no unit that is at work."""
    _here.is_silent = True
    try:
        yield
    finally:
        _here.is_silent = False


def _count(gets: int = 0, puts: int = 0, lists: int = 0, read_bytes: int = 0, written_bytes: int = 0) -> None:
    if getattr(_here, "is_silent", False):
        return
    with _lock:
        _total.gets += gets
        _total.puts += puts
        _total.lists += lists
        _total.read_bytes += read_bytes
        _total.written_bytes += written_bytes


def count() -> None:
    """Counts from now on. It may be called again."""
    for name, enter in _ENTERED.items():
        function = getattr(storage, name)
        if not hasattr(function, "counts"):
            setattr(storage, name, _counted(function, enter))


def _counted(function: Callable[..., Any], enter: Callable[..., Any]) -> Callable[..., Any]:
    """The function; what `enter` makes of its result and arguments is returned."""

    @wraps(function)
    def counted(*arguments: Any, **options: Any) -> Any:
        return enter(function(*arguments, **options), *arguments)

    vars(counted)["counts"] = True
    return counted


def _read(data: bytes, *_: object) -> bytes:
    _count(gets=1, read_bytes=len(data))
    return data


def _looked(exists: bool, *_: object) -> bool:
    _count(gets=1)
    return exists


def _wrote(result: object, _path: str, content: bytes | Path, *_: object) -> object:
    size = len(content) if isinstance(content, bytes) else content.stat().st_size
    _count(puts=puts_of(size), written_bytes=size)
    return result


def _wrote_if(result: object, path: str, content: bytes | Path, *_: object) -> object:
    _count(gets=1)  # the object is looked at before it is replaced
    return _wrote(result, path, content)


def _uploaded(result: object, local_file: str | Path, path: str) -> object:
    return _wrote(result, path, Path(local_file))


def _listed(names: list[Any], *_: object) -> list[Any]:
    _count(lists=1 + len(names) // _LISTED_AT_ONCE)
    return names


def _opened(file: BinaryIO, *_: object) -> BinaryIO:
    return cast(BinaryIO, io.BufferedReader(_Pieces(file), _BUFFER_BYTES))


def gets_of(size: float) -> int:
    """Requests that stream an object of so many bytes."""
    window = _Window()
    return 1 + sum(window.reads(at, min(SMALL_READ, int(size) - at)) for at in range(0, int(size), SMALL_READ))


def puts_of(size: int) -> int:
    """Requests that write an object of so many bytes."""
    return 1 if size <= MULTIPART_BYTES else 2 + -(-size // _PART_BYTES)


@dataclass(slots=True)
class _Window:
    """The piece of an object that is at hand: reading on fetches ever larger ones, as `RangeReader` does."""

    start: int = 0
    stop: int = 0
    size: int = SMALL_READ

    def reads(self, at: int, size: int) -> int:
        """How many requests it takes to read so many bytes from a place."""
        requests = 0
        while size > 0:
            if not self.start <= at < self.stop:
                follows = at == self.stop and self.stop > 0
                self.size = min(self.size * 4, LARGE_READ) if follows else SMALL_READ
                self.start, self.stop = at, at + max(self.size, min(size, LARGE_READ))
                requests += 1
            taken = min(size, self.stop - at)
            at, size = at + taken, size - taken
        return requests


@dataclass(slots=True, eq=False)
class _State:
    file: BinaryIO
    at: int = 0
    window: _Window = field(default_factory=_Window)


class _Pieces(io.RawIOBase):
    """An open file; what is read of it is counted."""

    def __init__(self, file: BinaryIO) -> None:
        self._state = _State(file)
        _count(gets=1)  # an object is looked at before it is read

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._state.file.fileno()

    def tell(self) -> int:
        return self._state.at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._state.at = self._state.file.seek(offset, whence)
        return self._state.at

    def readinto(self, buffer: WriteableBuffer) -> int:
        state = self._state
        taken = cast(io.BufferedReader, state.file).readinto(buffer)
        _count(gets=state.window.reads(state.at, taken), read_bytes=taken)
        state.at += taken
        return taken

    def close(self) -> None:
        if not self.closed:
            self._state.file.close()
        super().close()


_ENTERED: dict[str, Callable[..., Any]] = {
    "read": _read,
    "read_range": _read,
    "open": _opened,
    "exists": _looked,
    "write": _wrote,
    "write_once": _wrote,
    "write_if": _wrote_if,
    "upload": _uploaded,
    "glob": _listed,
    "list_names": _listed,
}
"""Functions of `storage`, and how a call of each is entered."""
