"""Which parts of documents, and which sketches of them, belong to ranges of keys, where rows are sent to parts."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from interloom.pipeline.exchange_rows import keys_of_parts
from interloom.pipeline.execution.units import FinishedPhases
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.store.exchange import Range
from interloom.pipeline.store.parts import StoredFile, TableRef


@dataclass(frozen=True, slots=True)
class PartsOfRanges:
    """The keys of all parts, in order, and their sketches; nothing where rows are not sent to parts."""

    keys: Sequence[int] = ()
    files: Sequence[StoredFile] = ()
    most_bytes: int = 0

    @classmethod
    def of(cls, phase: Phase, finished: FinishedPhases, most_bytes: int) -> Self:
        """The parts of the phase's inputs with their sketches."""
        files = finished.files(phase.sketched, f"sketch:{phase.steps[0].key}")
        return cls(keys_in_order(len(files)), files, most_bytes)

    def __len__(self) -> int:
        return len(self.keys)

    def _numbers(self, range_: Range) -> range:
        return range(bisect_left(self.keys, range_.first_key), bisect_left(self.keys, range_.end_key))

    def are_too_large(self, *ranges: Range) -> bool:
        """Whether there are sketches of several parts in these ranges, and too many to read at a time."""
        numbers = [number for range_ in ranges for number in self._numbers(range_)]
        return len(numbers) > 1 and sum(self.files[number].size_bytes for number in numbers) > self.most_bytes

    def sketches(self, ranges: Sequence[Range]) -> tuple[TableRef, ...]:
        """The sketches of the parts in these ranges, by part."""
        numbers = [number for range_ in ranges for number in self._numbers(range_)]
        return tuple(TableRef.to(self.files[number], number) for number in numbers)


def keys_in_order(parts: int) -> list[int]:
    """The keys of so many parts, in order."""
    return keys_of_parts(np.arange(parts), parts).tolist() if parts else []
