"""Stored files, counted: of a unit, of a sample, of a whole run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

EXCHANGE = "exchange"
"""The kind of files with sorted rows, of which the segments are counted in place of the files."""
SHARDS = "shards"


@dataclass(frozen=True, slots=True)
class Files:
    """Stored files of a kind: how many, with how many rows and bytes together; of parts of documents the `pattern`: the rows of
    some that follow each other."""

    count: float = 0.0
    rows: float = 0.0
    bytes: float = 0.0
    pattern: tuple[float, ...] = ()

    def divided(self, by: float) -> Files:
        """An equal share of them."""
        return Files(self.count / by, self.rows / by, self.bytes / by)

    @classmethod
    def total(cls, files: Iterable[Files]) -> Files:
        listed = list(files)
        pattern = tuple(rows for each in listed for rows in each.pattern)
        count, rows, bytes_ = (sum(getattr(each, name) for each in listed) for name in ("count", "rows", "bytes"))
        return cls(count, rows, bytes_, pattern)
