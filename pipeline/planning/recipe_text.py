"""The text of a recipe, and the environment variables that it names."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from functools import lru_cache

from interloom.pipeline.store import storage

UNSET = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
"""`${NAME}` in a value: left standing where the environment has no such variable."""
_SET_EVERYWHERE = "INTERLOOM_ASSETS"
"""The demo's own variable, which every machine sets for itself."""


def text_of(file: str) -> str:
    """The text of a recipe. That of a pipe (`/dev/stdin`, `<(...)`) is kept, because it can be read only once."""
    if storage.is_remote(file) or not os.path.exists(file) or os.path.isfile(file):
        return storage.read(file).decode()
    return _piped(file)


@lru_cache(maxsize=1)
def _piped(file: str) -> str:
    return storage.read(file).decode()


def variables(text: str, settings: Sequence[str]) -> tuple[str, ...]:
    """The names of the variables that a recipe's text and its settings need where they are read."""
    names = dict.fromkeys(UNSET.findall("\n".join([text, *settings])))
    return tuple(name for name in names if name != _SET_EVERYWHERE)
