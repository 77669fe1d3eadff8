"""Files that a row or page names by a relative path: found beside it, and nowhere else."""

from __future__ import annotations

import errno
import os
import re
from posixpath import normpath
from urllib.parse import unquote

from interloom.pipeline.store import storage
from interloom.schemas.document import Blob

_MAX_NAME_BYTES = 255
"""Longest file name of common file systems."""
_MAX_PATH_CHARACTERS = 1000
"""Longest path that is looked for. Our choice."""


def file_beside(folder: str, name: str, root: str = "") -> Blob | None:
    """Returns a reference to the file of this name in a folder; None if there is none, or the name could lead out of `root`.

    Parameters:
        folder: The folder, local or `s3://`.
        name: The name, with folders below it or not; as it is or percent-encoded. With `..` it is made plain first.
        root: Links and `..` may lead to any file below this folder, but not out of it. Default: `folder`.
    """
    for candidate in dict.fromkeys((name, unquote(name))):
        place, plain = _without_steps_up(folder or ".", candidate.removeprefix("./"), root or folder or ".")
        if is_inside(plain) and (blob := _reference(storage.join(place, plain), root or folder or ".")):
            return blob
    return None


def _without_steps_up(folder: str, name: str, root: str) -> tuple[str, str]:
    """The folder that a name is relative to, and the name without `..`; "" if it leads out of the root.

    Example: "in/tables", "../a.png", "in" -> "in", "a.png".
    """
    if ".." not in name.split("/") or name.startswith("/"):
        return folder, name
    scheme, mark, below = folder.rpartition("://")
    top = normpath(root.removeprefix(scheme + mark))
    path = normpath(f"{below}/{name}")
    if top == ".":
        return root, path
    return root, path.removeprefix(f"{top}/") if path.startswith(f"{top}/") else ""


def is_inside(name: str) -> bool:
    """Returns whether a relative path stays in its folder, and a file system accepts it. Example: "a/../b" -> False."""
    parts = name.split("/")
    unsafe = any(part in {"", ".", ".."} or len(part.encode(errors="replace")) > _MAX_NAME_BYTES for part in parts)
    return not unsafe and len(name) <= _MAX_PATH_CHARACTERS and not re.search(r"[\x00-\x1f\\]|^[A-Za-z]:", name)


def is_there(folder: str, name: str) -> bool:
    """Returns whether a local file has this name, absolute or relative to a local folder, wherever it leads."""
    if storage.is_remote(folder):
        return False
    names = [other for other in dict.fromkeys((name, unquote(name))) if "\0" not in other and len(other) <= _MAX_PATH_CHARACTERS]
    return any(os.path.isfile(os.path.join(folder, other)) for other in names)


def whole_file(path: str) -> Blob | None:
    """Returns a reference to all of a file; None if it is not there, or a link that leads round in a circle."""
    try:
        with storage.open(path) as file:
            size = file.seek(0, os.SEEK_END)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:
            return None
        raise
    return Blob(lasting(path), 0, size)


def part_of_file(folder: str, name: str, offset: int, size: int) -> Blob | None:
    """Returns a reference to bytes of a file in a folder; None if they are not there, or the file lies outside."""
    whole = file_beside(folder, name.removeprefix(folder.rstrip("/") + "/") if folder else name)
    return Blob(whole.path, offset, size) if whole and offset + size <= whole.size else None


def lasting(path: str) -> str:
    """Returns a path as references need it, which do not begin at the folder of this process."""
    return path if storage.is_remote(path) else os.path.abspath(path)


def _reference(path: str, root: str) -> Blob | None:
    if not storage.is_remote(path):
        real, inside = storage.canonical(path), storage.canonical(root).rstrip("/")
        if not real.startswith(f"{inside}/"):
            return None
    return whole_file(path)
