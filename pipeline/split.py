"""A split: what one unit of a source reads."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Split:
    """Bytes [start, stop) of `path`. `root` is the folder its name is relative to; `identity` changes when the content does."""

    path: str
    root: str = ""
    start: int = 0
    stop: int | None = None
    identity: str = ""

    @property
    def name(self) -> str:
        """The path relative to the root: the same wherever the input is mounted."""
        return self.path.removeprefix(self.root).lstrip("/") or self.path
