"""Lists the members of tar files: small ones with their content, large ones as references."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, cast

import pyarrow as pa

from interloom.pipeline.store import storage
from interloom.schemas.document import Blob
from interloom.stages._input.files_beside import lasting
from interloom.stages._input.surrogates import replace_surrogates
from interloom.stages._input.tar_reading import Member

TAR_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")
_BUFFER_BYTES = 1 << 20
"""Buffer for decompressed zstd. Our choice."""


@dataclass(frozen=True, slots=True)
class TarMember:
    """A file in a tar: its name, the offset of its content, its size, and its content or where it lies (neither: too large)."""

    name: str
    offset: int
    size: int
    data: bytes | None = None
    blob: Blob | None = None


def tar_members(path: str, as_reference: tuple[str, ...], max_bytes: int) -> Iterator[TarMember]:
    """Yields the files in a tar. Raises what a broken tar makes the libraries raise.

    Parameters:
        path: The tar, compressed or not.
        as_reference: Files whose lower-case names end so are references, unless the tar is compressed.
        max_bytes: The content of larger files is not read. Bytes.
    """
    is_plain = path.lower().endswith(".tar")
    with _opened(path) as file, tarfile.open(fileobj=file, mode="r:" if is_plain else "r|*", tarinfo=Member) as tar:
        for info in filter(tarfile.TarInfo.isreg, tar):
            name, offset = replace_surrogates(info.name), info.offset_data
            if is_plain and not info.issparse() and name.lower().endswith(as_reference):
                yield TarMember(name, offset, info.size, blob=Blob(lasting(path), offset, info.size))
                continue
            content = tar.extractfile(info) if info.size <= max_bytes else None
            yield TarMember(name, offset, info.size, data=content.read() if content else None)


@contextmanager
def _opened(path: str) -> Iterator[BinaryIO]:
    with storage.open(path) as file:
        if path.lower().endswith(".zst"):
            yield cast(BinaryIO, io.BufferedReader(pa.input_stream(file, compression="zstd"), _BUFFER_BYTES))
        else:
            yield file
