"""Which objects a path, a folder or a pattern names. Used by `storage` alone."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from interloom.pipeline.store.object_stores import store_of

WILD = re.compile(r"[*?\[]")


def matching(pattern: str) -> list[tuple[str, int, str]]:
    """(path, size, etag) of the objects that a path, a folder or a pattern names; folders among them end in a slash. An object
    that has the very name is meant by it, whatever characters are in it, as on disk."""
    if not pattern.endswith("/") and (head := store_of(pattern).head(pattern)):
        return [(pattern, *head)]
    wild = WILD.search(pattern)
    if wild is None:
        return store_of(pattern).listing(pattern.rstrip("/") + "/")
    names = pattern.split("/")
    fixed = pattern[: wild.start()]
    deep = WILD.search("/".join(names[:-1])) is not None or "**" in names
    return [entry for entry in store_of(fixed).listing(fixed, deep=deep) if is_named(entry[0], pattern)]


def is_named(path: str, pattern: str) -> bool:
    """Whether a pattern names a path. `**` is any number of folders, and hidden names need their dot written."""
    return _matches(path.split("/"), pattern.split("/"))


def _matches(names: list[str], patterns: list[str]) -> bool:
    if not patterns or not names:
        return not names and all(pattern == "**" for pattern in patterns)
    hidden = names[0].startswith(".") and not patterns[0].startswith(".")
    if patterns[0] == "**":
        return _matches(names, patterns[1:]) or (not hidden and _matches(names[1:], patterns))
    return not hidden and fnmatchcase(names[0], patterns[0]) and _matches(names[1:], patterns[1:])
