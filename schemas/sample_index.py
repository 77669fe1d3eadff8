"""The binary index of the samples of a shard, `.index/<shard>.rows`: where they lie, and the buckets that split them.

It is a header and arrays, in order, little-endian. Of a tar it has the members of each sample, of a Parquet file the rows of each
row group. Checksums are CRC-32: of each member of a tar, of the footer of a Parquet file (whose pages have their own), and at the
end of the file that of the shard's name and size and of all before. Version 1, which is read, too, has neither row groups nor
checksums.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from interloom.schemas.shard_index import FOLDER, VERSION, check_version
from interloom.schemas.split_buckets import Buckets

_MAGIC = b"ILROWS\0\0"
_HEADER = struct.Struct("<8sIIIII")  # magic, version, samples, members, bytes of a size, bytes of the suffixes
_GROUPS = struct.Struct("<I")  # row groups; not in version 1
_CRC32 = struct.Struct("<I")  # at the end; not in version 1
_TAR_BLOCK = 512
Of = tuple[str, int]
"""A shard by its name and its size in bytes."""


def rows_name(shard: str) -> str:
    """The name of the file about the samples of a shard: "data/a.tar" -> ".index/data/a.tar.rows"."""
    return f"{FOLDER}/{shard}.rows"


@dataclass(frozen=True, slots=True)
class Rows:
    """The samples of a shard. Members first[n] to first[n + 1] belong to sample n; each has the number of its suffix, and
    the offset and size of its content. A Parquet file has no members, but the numbers of rows of its row groups in `groups`.
    `checks` are the CRC-32 of the members, or of the footer; empty if they are not known."""

    domain: NDArray[np.uint8]
    document: NDArray[np.uint8]
    first: list[int]
    offsets: list[int]
    sizes: list[int]
    codes: list[int]
    suffixes: list[str]
    groups: Sequence[int] = ()
    checks: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Checked:
    """What checksums are of: `of` is the shard, `checks` are the CRC-32 of its members, or of its footer."""

    of: Of
    checks: Sequence[int]


def pack_rows(
    members: Sequence[Sequence[tuple[str, int]]], buckets: Sequence[Buckets], checked: Checked, groups: Sequence[int] = ()
) -> bytes:
    """The content of `.rows`.

    Parameters:
        members: The suffix and size of each member of each sample, in their order in the tar, which has a header block for each.
        buckets: The buckets of each sample.
        checked: The shard, and a checksum of each of its members; of a Parquet file that of its footer.
        groups: The number of rows of each row group of a Parquet file.
    """
    flat = [member for sample in members for member in sample]
    suffixes = {suffix: None for suffix, _ in flat}
    codes = {suffix: number for number, suffix in enumerate(suffixes)}
    width = 8 if max((size for _, size in flat), default=0) >= 1 << 32 else 4
    names = json.dumps(list(suffixes), separators=(",", ":")).encode()
    arrays = (
        np.array(groups, "<u4"),
        np.array([len(sample) for sample in members], "<u4"),
        np.array([size for _, size in flat], f"<u{width}"),
        np.array([codes[suffix] for suffix, _ in flat], "<u4"),
        np.array(checked.checks, "<u4"),
        np.array([domain for domain, _ in buckets], "u1"),
        np.array([document for _, document in buckets], "u1"),
    )
    header = _HEADER.pack(_MAGIC, VERSION, len(members), len(flat), width, len(names)) + _GROUPS.pack(len(groups))
    content = b"".join([header, *(array.tobytes() for array in arrays), names])
    return content + _CRC32.pack(_crc32(content, checked.of))


def _crc32(content: bytes, of: Of) -> int:
    return zlib.crc32(content, zlib.crc32(f"{of[0]} {of[1]}".encode()))


def unpack_rows(content: bytes, of: Of) -> Rows:
    """Reads the `.rows` file of a shard. Raises ValueError if it is of a version that we do not read, or of another shard."""
    if len(content) < _HEADER.size:
        raise ValueError("it is cut")
    magic, version, samples, members, width, names = _HEADER.unpack_from(content)
    check_version(magic, _MAGIC, version)
    groups, at, checked = np.zeros(0, np.uint32), _HEADER.size, 0
    if version > 1:
        content = _verified(content, of)
        groups, at = _groups(content, at)
        checked = members or min(len(groups), 1)
    if len(content) != at + samples * 6 + members * (width + 4) + 4 * checked + names:
        raise ValueError("its size is not that of its content")
    counts, at = np.frombuffer(content, "<u4", samples, at), at + 4 * samples
    sizes, at = np.frombuffer(content, f"<u{width}", members, at).astype(np.int64), at + width * members
    codes, at = np.frombuffer(content, "<u4", members, at), at + 4 * members
    checks, at = np.frombuffer(content, "<u4", checked, at), at + 4 * checked
    domain, document = (np.frombuffer(content, "u1", samples, at + n * samples) for n in (0, 1))
    blocks = _TAR_BLOCK + -(-sizes // _TAR_BLOCK) * _TAR_BLOCK
    offsets = np.cumsum(blocks) - blocks + _TAR_BLOCK
    first = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
    suffixes = json.loads(content[at + 2 * samples :])
    places = first.tolist(), offsets.tolist(), sizes.tolist(), codes.tolist()
    return Rows(domain, document, *places, suffixes, groups.tolist(), checks.tolist())


def _verified(content: bytes, of: Of) -> bytes:
    """The content without its checksum."""
    body = content[: -_CRC32.size]
    if _CRC32.unpack(content[-_CRC32.size :])[0] != _crc32(body, of):
        raise ValueError("its checksum is wrong: it is damaged, or that of another shard")
    return body


def _groups(content: bytes, at: int) -> tuple[NDArray[np.uint32], int]:
    """The rows of the row groups, and where what follows begins."""
    begin = at + _GROUPS.size
    count = _GROUPS.unpack_from(content, at)[0] if len(content) >= begin else 0
    if len(content) < begin + 4 * count:
        raise ValueError("it is cut")
    return np.frombuffer(content, "<u4", count, begin), begin + 4 * count
