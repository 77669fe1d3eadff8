"""The binary index of a folder of shards, which a loader maps or reads by range: what is in each shard, and where.

`.index/shards.bin` is about all shards, `.index/<shard>.rows` about the samples of one. Both are a header and arrays, in order,
little-endian. So that a validation split needs no pass over the data, a sample has two buckets: by a hash of its domain, and by
a hash of its document. Bucket b holds the hashes in [2**-(b+1), 2**-b), the last one all that are smaller.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from interloom.schemas.origin import domain_of

FOLDER = ".index"
SHARDS = f"{FOLDER}/shards.bin"
VERSION = 1
BUCKETS = 16
"""Buckets of hashes; the smallest part that can be split off is 2**-15 of the data."""

Numbers = NDArray[np.int64]
ReadRange = Callable[[int, int], bytes]
"""(offset, size) -> the bytes there."""

_SHARDS_MAGIC, _ROWS_MAGIC = b"ILSHARDS", b"ILROWS\0\0"
_SHARDS_HEADER = struct.Struct("<8sIIQQ32sI")  # magic, version, layout bytes, shards, samples, data id, reserved
_ROWS_HEADER = struct.Struct("<8sIIIII")  # magic, version, samples, members, bytes of a size, bytes of the suffixes
_TAR_BLOCK = 512


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


def rows_name(shard: str) -> str:
    """The name of the file about the samples of a shard: "data/a.tar" -> ".index/data/a.tar.rows"."""
    return f"{FOLDER}/{shard}.rows"


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
    header = _SHARDS_HEADER.pack(_SHARDS_MAGIC, VERSION, len(names), len(shards), samples, data_id(shards), 0)
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
        magic, version, names, shards, samples, data, _ = _SHARDS_HEADER.unpack(read(0, _SHARDS_HEADER.size))
        _check(magic, _SHARDS_MAGIC, version)
        return cls(read, shards, samples, data, names)

    def names(self) -> Sequence[str]:
        """The name of each shard, relative to the folder."""
        names = json.loads(self.read(_SHARDS_HEADER.size, self.names_bytes))
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
        return _SHARDS_HEADER.size + self.names_bytes

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


@dataclass(frozen=True, slots=True)
class Rows:
    """The samples of a shard. Members first[n] to first[n + 1] belong to sample n; each has the number of its suffix, and
    the offset and size of its content. A shard that is no tar has no members."""

    domain: NDArray[np.uint8]
    document: NDArray[np.uint8]
    first: list[int]
    offsets: list[int]
    sizes: list[int]
    codes: list[int]
    suffixes: list[str]


def pack_rows(members: Sequence[Sequence[tuple[str, int]]], buckets: Sequence[tuple[int, int]]) -> bytes:
    """The content of `.rows`.

    Parameters:
        members: The suffix and size of each member of each sample, in their order in the tar, which has a header block for each.
        buckets: The buckets of each sample, by its domain and by its document.
    """
    flat = [member for sample in members for member in sample]
    suffixes = {suffix: None for suffix, _ in flat}
    codes = {suffix: number for number, suffix in enumerate(suffixes)}
    width = 8 if max((size for _, size in flat), default=0) >= 1 << 32 else 4
    names = json.dumps(list(suffixes), separators=(",", ":")).encode()
    arrays = (
        np.array([len(sample) for sample in members], "<u4"),
        np.array([size for _, size in flat], f"<u{width}"),
        np.array([codes[suffix] for suffix, _ in flat], "<u4"),
        np.array([domain for domain, _ in buckets], "u1"),
        np.array([document for _, document in buckets], "u1"),
    )
    header = _ROWS_HEADER.pack(_ROWS_MAGIC, VERSION, len(members), len(flat), width, len(names))
    return b"".join([header, *(array.tobytes() for array in arrays), names])


def unpack_rows(content: bytes) -> Rows:
    """Reads a `.rows` file. Raises ValueError if it is not one of a version that we read."""
    if len(content) < _ROWS_HEADER.size:
        raise ValueError("it is cut")
    magic, version, samples, members, width, names = _ROWS_HEADER.unpack_from(content)
    _check(magic, _ROWS_MAGIC, version)
    if len(content) != _ROWS_HEADER.size + samples * 6 + members * (width + 4) + names:
        raise ValueError("its size is not that of its content")
    at = _ROWS_HEADER.size
    counts, at = np.frombuffer(content, "<u4", samples, at), at + 4 * samples
    sizes, at = np.frombuffer(content, f"<u{width}", members, at).astype(np.int64), at + width * members
    codes, at = np.frombuffer(content, "<u4", members, at), at + 4 * members
    domain, document = (np.frombuffer(content, "u1", samples, at + n * samples) for n in (0, 1))
    blocks = _TAR_BLOCK + -(-sizes // _TAR_BLOCK) * _TAR_BLOCK
    offsets = np.cumsum(blocks) - blocks + _TAR_BLOCK
    first = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
    suffixes = json.loads(content[at + 2 * samples :])
    return Rows(domain, document, first.tolist(), offsets.tolist(), sizes.tolist(), codes.tolist(), suffixes)


def _check(magic: bytes, right: bytes, version: int) -> None:
    if magic != right:
        raise ValueError("it is no index of Interloom")
    if version != VERSION:
        raise ValueError(f"it has version {version}, this Interloom reads {VERSION}")


def bucket_of(name: str) -> int:
    """The bucket of a hash of this name."""
    value = int.from_bytes(hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
    return min(64 - value.bit_length(), BUCKETS - 1)


def buckets_of(id_: str, url: str, joined: Sequence[Mapping[str, str]] = ()) -> tuple[int, int]:
    """The buckets of a sample by its domain (the host of its URL, or else its document) and by its document (without parts). Of a
    sample that joins documents those of the document with the smallest hash: if one is split off, all are."""
    members = [(str(member["id"]), str(member["url"])) for member in joined] or [(id_, url)]
    roots = [(member.partition("#")[0], domain_of(address)) for member, address in members]
    return max(bucket_of(domain or root) for root, domain in roots), max(bucket_of(root) for root, _ in roots)


def histogram(buckets: Sequence[tuple[int, int]]) -> list[list[int]]:
    """The numbers of samples in each bucket, by domain and by document."""
    return [np.bincount([pair[by] for pair in buckets], minlength=BUCKETS).tolist() for by in (0, 1)]
