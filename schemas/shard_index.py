"""The binary index of a folder of shards, `.index/shards.bin`, which a loader maps or reads by range: what is in each shard.

It is a header and arrays, in order, little-endian. `schemas/sample_index.py` is about the samples of a shard. Version 1, which is
read, too, has the buckets of domains by host, version 2 by registrable domain.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from interloom.schemas.split_buckets import BUCKETS

FOLDER = ".index"
SHARDS = f"{FOLDER}/shards.bin"
VERSION = 2
Numbers = NDArray[np.int64]
ReadRange = Callable[[int, int], bytes]
"""(offset, size) -> the bytes there."""

_MAGIC = b"ILSHARDS"
_HEADER = struct.Struct("<8sIIQQ32sI")  # magic, version, layout bytes, shards, samples, data id, reserved


@dataclass(frozen=True, slots=True)
class ShardEntry:
    """What the index says of a shard. `rows` says whether there is a `.rows` file; `buckets` are the numbers of its samples by
    bucket of domain and of document, empty if they are not known."""

    name: str
    size_bytes: int
    sha256: str
    samples: int
    rows: bool = False
    buckets: Sequence[Sequence[int]] = ()


def check_version(magic: bytes, right: bytes, version: int) -> None:
    """Raises ValueError for what is no index of a version that we read."""
    if magic != right:
        raise ValueError("it is no index of Interloom")
    if not 1 <= version <= VERSION:
        raise ValueError(f"it has version {version}, this Interloom reads up to {VERSION}")


def data_id(shards: Sequence[ShardEntry]) -> bytes:
    """What identifies the data: the sha256 of the shards' sha256, in order."""
    return hashlib.sha256(b"".join(bytes.fromhex(shard.sha256) for shard in shards)).digest()


def pack_shards(shards: Sequence[ShardEntry]) -> bytes:
    """The content of `shards.bin`."""
    known = [shard.buckets or [[0] * BUCKETS] * 2 for shard in shards]
    arrays = (
        np.array([shard.samples for shard in shards], "<u4"),
        np.array([shard.rows + 2 * bool(shard.buckets) for shard in shards], "u1"),
        np.array([shard.size_bytes for shard in shards], "<u8"),
        np.frombuffer(b"".join(bytes.fromhex(shard.sha256) for shard in shards), "u1"),
        np.array([buckets[0] for buckets in known], "<u4"),
        np.array([buckets[1] for buckets in known], "<u4"),
    )
    names = json.dumps(_pattern([shard.name for shard in shards])).encode()
    samples = sum(shard.samples for shard in shards)
    header = _HEADER.pack(_MAGIC, VERSION, len(names), len(shards), samples, data_id(shards), 0)
    return b"".join([header, names, *(array.tobytes() for array in arrays)])


def _pattern(names: Sequence[str]) -> list[str]:
    """Names that differ by their number only, as a format of it: ["a-000000.tar", "a-000001.tar"] -> ["a-{:06d}.tar"]; others as
    they are."""
    if len(names) > 1 and names[0].count("000000") == 1 and not set(names[0]) & set("{}"):
        pattern = names[0].replace("000000", "{:06d}")
        if all(pattern.format(number) == name for number, name in enumerate(names)):
            return [pattern]
    return list(names)


@dataclass(frozen=True)
class ShardIndex:
    """`shards.bin`, of which no more is read than is asked for."""

    read: ReadRange = field(repr=False)
    shards: int
    samples: int
    data: bytes
    names_bytes: int

    @classmethod
    def opened(cls, read: ReadRange) -> ShardIndex:
        """Raises ValueError if it is not an index of a version that we read."""
        magic, version, names, shards, samples, data, _ = _HEADER.unpack(read(0, _HEADER.size))
        check_version(magic, _MAGIC, version)
        return cls(read, shards, samples, data, names)

    def names(self) -> Sequence[str]:
        """The name of each shard, relative to the folder."""
        names = json.loads(self.read(_HEADER.size, self.names_bytes))
        if len(names) == 1 and "{:06d}" in names[0]:
            return _NumberedNames(names[0], self.shards)
        return list(names)

    def counts(self) -> Numbers:
        """The number of samples of each shard."""
        return self._array(0, "<u4", 1).astype(np.int64)

    def has_rows(self) -> NDArray[np.bool_]:
        """Whether each shard has a `.rows` file."""
        flags = self._array(4, "u1", 1).astype(np.uint8)
        return np.asarray(flags & 1 != 0, np.bool_)

    def has_buckets(self) -> NDArray[np.bool_]:
        """Whether the buckets of each shard are known."""
        flags = self._array(4, "u1", 1).astype(np.uint8)
        return np.asarray(flags & 2 != 0, np.bool_)

    def sizes(self) -> Numbers:
        """The size of each shard. Bytes."""
        return self._array(5, "<u8", 1).astype(np.int64)

    def sha256(self, shard: int) -> str:
        """The sha256 of a shard, in hex."""
        return self.read(self._begin + 13 * self.shards + 32 * shard, 32).hex()

    def buckets(self, by: str) -> Numbers:
        """The numbers of samples of each shard in each bucket: a row per shard. `by` is "domain" or "document"."""
        before = 45 + (4 * BUCKETS if by == "document" else 0)
        return self._array(before, "<u4", BUCKETS).reshape(self.shards, BUCKETS).astype(np.int64)

    @property
    def _begin(self) -> int:
        return _HEADER.size + self.names_bytes

    def _array(self, before: int, kind: str, width: int) -> NDArray[np.generic]:
        """The array that follows `before` bytes per shard."""
        size = np.dtype(kind).itemsize * width * self.shards
        return np.frombuffer(self.read(self._begin + before * self.shards, size), kind)


class _NumberedNames(Sequence[str]):
    """Names that a format and a number give; nothing is stored per shard."""

    def __init__(self, pattern: str, count: int) -> None:
        self._pattern, self._count = pattern, count

    def __getitem__(self, number: int) -> str:  # type: ignore[override]
        if not 0 <= number < self._count:
            raise IndexError(number)
        return self._pattern.format(number)

    def __len__(self) -> int:
        return self._count
