"""Makes documents of one word, for benchmarks in which documents do not matter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from interloom.pipeline.stage import Source, Split
from interloom.schemas.document import Document, Text
from interloom.schemas.outcome import Outcome

_PER_SPLIT = 10_000


@dataclass(frozen=True, kw_only=True)
class TinyDocuments(Source):
    """Makes documents of one word.

    Parameters:
        count: How many documents.
    """

    count: int

    def splits(self) -> Sequence[Split]:
        return [
            Split("tiny", start=first, stop=min(first + _PER_SPLIT, self.count)) for first in range(0, self.count, _PER_SPLIT)
        ]

    def read(self, split: Split) -> Iterator[Outcome]:
        for number in range(split.start, split.stop or 0):
            yield Document(id=f"d{number}", elements=(Text(position=0, text="word"),))
