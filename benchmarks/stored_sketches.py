"""Stands in a recipe for the steps that made the sketches which a benchmark stores by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from interloom.pipeline.stage import Source, Split
from interloom.schemas.outcome import Outcome


@dataclass(frozen=True, kw_only=True)
class StoredSketches(Source):
    """Reads nothing, and does not say what its documents hold, so that every step may follow it."""

    def splits(self) -> Sequence[Split]:
        return ()

    def read(self, split: Split) -> Iterator[Outcome]:
        yield from ()
