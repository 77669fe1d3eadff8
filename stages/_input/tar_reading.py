"""Tar archives being read: one that is cut off counts as broken also where the standard library takes the cut for its end."""

from __future__ import annotations

import tarfile
from typing import Self

_CUT_OFF = ("EmptyHeaderError", "TruncatedHeaderError")


class Member(tarfile.TarInfo):
    """For `tarfile.open(tarinfo=Member)`. A tar ends in empty blocks, so a missing or half header is a cut: raises ReadError."""

    @classmethod
    def fromtarfile(cls, tar: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(tar)
        except tarfile.HeaderError as error:
            if type(error).__name__ in _CUT_OFF:
                raise tarfile.ReadError(f"cut off at byte {tar.offset}") from error
            raise
