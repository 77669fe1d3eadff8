"""Writes tar archives whose bytes depend only on their members: plain ustar without times and owners."""

from __future__ import annotations

import struct
import tarfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from interloom.schemas.sample_members import Sample

_BLOCK_BYTES = 512
"""Headers and contents are padded to blocks of this size (POSIX ustar)."""
_RECORD_BYTES = 10240
"""An archive is padded to records of this size, as GNU tar does by default."""

MemberIndex = tuple[str, int, int]
"""The suffix of a member, the offset of its content in the tar, and its size, both in bytes."""
SampleIndex = tuple[str, int, int, list[MemberIndex]]
"""The key of a sample, its offset in the tar, its size with headers and padding, both in bytes, and its members."""


@dataclass(slots=True)
class Tar:
    """An archive that is being written. `index` holds the samples so far, `end` is the offset of the next one, `checks` are the
    CRC-32 of the contents of all members."""

    file: BinaryIO
    index: list[SampleIndex] = field(default_factory=list)
    end: int = 0
    checks: list[int] = field(default_factory=list)

    def add(self, sample: Sample) -> None:
        """Writes the members of a sample and adds it to the index."""
        start = self.end
        members = [self._write_member(sample.key, suffix, content) for suffix, content in sample.members]
        self.index.append((sample.key, start, self.end - start, members))

    def _write_member(self, key: str, suffix: str, content: bytes) -> MemberIndex:
        info = tarfile.TarInfo(f"{key}.{suffix}")
        info.size = len(content)
        header = info.tobuf(tarfile.USTAR_FORMAT)
        padding = bytes(-len(content) % _BLOCK_BYTES)
        self.checks.append(zlib.crc32(content))
        self.file.write(header)
        self.file.write(content)
        self.file.write(padding)
        member = (suffix, self.end + len(header), len(content))
        self.end += len(header) + len(content) + len(padding)
        return member

    def finish(self) -> None:
        """Writes the two empty blocks that end an archive, and pads it to a full record."""
        self.file.write(bytes(2 * _BLOCK_BYTES + -(self.end + 2 * _BLOCK_BYTES) % _RECORD_BYTES))


def offset_index(index: Sequence[SampleIndex], end: int) -> bytes:
    """Returns the `.tar.idx` of Megatron-Energon: the offset of each sample and the end of the last, as little-endian uint64."""
    starts = [start for _, start, _, _ in index]
    return struct.pack(f"<{len(starts) + 1}Q", *starts, end)
