"""Reads tar files so that a truncated one is an error, also where the standard library takes the truncation for the end."""

from __future__ import annotations

import tarfile
from typing import Self

_TRUNCATED = ("EmptyHeaderError", "TruncatedHeaderError")


class Member(tarfile.TarInfo):
    """A member for `tarfile.open(tarinfo=Member)` that raises ReadError for a truncated tar.

    A complete tar ends in empty blocks, so a missing or partial header means that the tar was truncated.
    """

    @classmethod
    def fromtarfile(cls, tar: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(tar)
        except tarfile.HeaderError as error:
            if type(error).__name__ in _TRUNCATED:
                raise tarfile.ReadError(f"cut off at byte {tar.offset}") from error
            raise
