"""Lists the members of tar files: small ones with their content, large ones as references."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from interloom.schemas.document import Blob
from interloom.stages._input.files_beside import lasting
from interloom.stages._input.surrogates import replace_surrogates
from interloom.stages._input.tar_reading import opened_tar

TAR_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")


@dataclass(frozen=True, slots=True)
class TarMember:
    """A file in a tar: its name, the offset of its content, its size, and its content or where it lies (neither: too large).

    `is_link` says that it is a link (or a device), which is not followed and has no content here.
    """

    name: str
    offset: int
    size: int
    data: bytes | None = None
    blob: Blob | None = None
    is_link: bool = False


def tar_members(path: str, as_reference: tuple[str, ...], max_bytes: int) -> Iterator[TarMember]:
    """Yields the files and links in a tar. Raises what a broken tar makes the libraries raise.

    Parameters:
        path: The tar, compressed or not.
        as_reference: Files whose lower-case names end so are references, unless the tar is compressed.
        max_bytes: The content of larger files is not read. Bytes.
    """
    with opened_tar(path) as (tar, is_plain):
        for info in tar:
            name, offset = replace_surrogates(info.name), info.offset_data
            if not info.isreg():
                if not info.isdir():
                    yield TarMember(name, offset, 0, is_link=True)
                continue
            if is_plain and not info.issparse() and name.lower().endswith(as_reference):
                yield TarMember(name, offset, info.size, blob=Blob(lasting(path), offset, info.size))
                continue
            content = tar.extractfile(info) if info.size <= max_bytes else None
            yield TarMember(name, offset, info.size, data=content.read() if content else None)
