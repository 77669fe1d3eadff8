"""What lies beside a picture: files of its name with a caption or facts."""

from __future__ import annotations

import glob as globbing
import os
from collections.abc import Mapping
from functools import lru_cache

from interloom.pipeline.errors import DocumentError
from interloom.pipeline.store import storage
from interloom.pipeline.store.storage import Found
from interloom.stages._input.tar_members import TarMember

SIDECARS = (".txt", ".caption", ".text", ".json")
_MAX_BYTES = 16 << 20
"""Larger files beside a picture are an error. Our choice."""


def sidecar_contents(folder: str, name: str) -> dict[str, TarMember]:
    """Returns the files beside a picture, by their endings (`txt`). Raises DocumentError for one that is too large."""
    stem, there = name.rpartition(".")[0], _by_name(folder, _stamp(folder))
    contents = {}
    for ending in SIDECARS:
        if file := there.get(stem + ending) or there.get(stem + ending.upper()):
            own_name = file.path.rpartition("/")[2]
            if file.size > _MAX_BYTES:
                raise DocumentError(f"too large: {own_name}")
            contents[ending[1:]] = TarMember(own_name, 0, file.size, data=storage.read(file.path))
    return contents


def names_in(folder: str) -> list[Found]:
    """Returns the files right in a folder."""
    return list(_by_name(folder, _stamp(folder)).values())


def _stamp(folder: str) -> int:
    """Changes when files come into a local folder or leave it."""
    return 0 if storage.is_remote(folder) else os.stat(folder or ".").st_mtime_ns


@lru_cache(maxsize=8)
def _by_name(folder: str, stamp: int) -> Mapping[str, Found]:
    files = storage.glob(storage.join(globbing.escape(folder or "."), "*"))
    return {file.path.rpartition("/")[2]: file for file in files}
