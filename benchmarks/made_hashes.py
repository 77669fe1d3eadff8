"""A source of documents whose images have made perceptual hashes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from interloom.pipeline.stage import Source, Split
from interloom.schemas.document import Document, Image
from interloom.schemas.outcome import Outcome

PER_SPLIT = 50_000
_PER_DOCUMENT = 20
_MOST_BITS = 8
"""A copy has up to so many changed bits."""


def hashes(number: int, of: int) -> npt.NDArray[np.uint64]:
    """The hashes of a split: three of four are random numbers, the others such of any split with some changed bits."""
    numbers = _random(number)
    chance = np.random.default_rng([number, 1])
    for source in range(of):
        copies = np.flatnonzero(chance.permuted(np.arange(PER_SPLIT)) < PER_SPLIT // 4 // of)
        bits = np.zeros(len(copies), np.uint64)
        for _ in range(_MOST_BITS):
            bits |= np.where(chance.random(len(copies)) < 0.5, np.uint64(1) << chance.integers(0, 64, len(copies), np.uint64), 0)
        numbers[copies] = _random(source)[chance.integers(0, PER_SPLIT, len(copies))] ^ bits
    return numbers


def _random(number: int) -> npt.NDArray[np.uint64]:
    return np.random.default_rng([number]).integers(0, 1 << 64, PER_SPLIT, np.uint64)


@dataclass(frozen=True, kw_only=True)
class MadeHashes(Source):
    """Makes documents of 20 images each.

    Parameters:
        splits_of_50_000: How many splits there are, each with 50,000 images.
    """

    splits_of_50_000: int

    def splits(self) -> Sequence[Split]:
        return [Split(f"{number:04d}", identity=str(self.splits_of_50_000)) for number in range(self.splits_of_50_000)]

    def read(self, split: Split) -> Iterator[Outcome]:
        numbers = hashes(int(split.path), self.splits_of_50_000).tolist()
        for first in range(0, PER_SPLIT, _PER_DOCUMENT):
            images = (
                Image(position=n, phash=f"{number:016x}") for n, number in enumerate(numbers[first : first + _PER_DOCUMENT])
            )
            yield Document(id=f"{split.path}-{first:05d}", elements=tuple(images))
