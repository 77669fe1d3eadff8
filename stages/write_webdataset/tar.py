"""Tar archives of the same bytes for the same members: plain ustar, no times, no owners, no library's habits."""

from __future__ import annotations

import struct
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from interloom.stages.write_webdataset.sample import Sample

_BLOCK, _RECORD = 512, 10240

Place = tuple[str, int, int]
"""A suffix, the offset of its content in the tar and its size, in bytes."""


@dataclass(slots=True)
class Tar:
    """An archive being written; `index` holds (key, offset, size, members) of each sample, `end` where the next one goes."""

    file: BinaryIO
    index: list[tuple[str, int, int, list[Place]]] = field(default_factory=list)
    end: int = 0

    def add(self, sample: Sample) -> None:
        start = self.end
        places = [self._member(sample.key, suffix, content) for suffix, content in sample.members]
        self.index.append((sample.key, start, self.end - start, places))

    def _member(self, key: str, suffix: str, content: bytes) -> Place:
        info = tarfile.TarInfo(f"{key}.{suffix}")
        info.size = len(content)
        header = info.tobuf(tarfile.USTAR_FORMAT)
        self.file.write(header)
        self.file.write(content)
        self.file.write(bytes(-len(content) % _BLOCK))
        place = (suffix, self.end + len(header), len(content))
        self.end += len(header) + len(content) + -len(content) % _BLOCK
        return place

    def finish(self) -> None:
        """Two empty blocks, filled up to a full record as tar itself does."""
        self.file.write(bytes(2 * _BLOCK + -(self.end + 2 * _BLOCK) % _RECORD))


def offsets(index: Sequence[tuple[str, int, int, list[Place]]], end: int) -> bytes:
    """The `.tar.idx` of Megatron-Energon: where each sample starts and where the last one ends, as little-endian uint64."""
    starts = [start for _, start, _, _ in index]
    return struct.pack(f"<{len(starts) + 1}Q", *starts, end)
