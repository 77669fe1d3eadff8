"""Generates plain-text documents with planted duplicates, as JSON lines."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path

_PERIOD = 20
"""Of each 20 documents, number 9 is an exact copy and number 19 a near copy of an earlier document."""
_MOST_ORIGINALS = 20_000
"""So many documents are copied from, the first ones: what is kept here does not grow with the corpus."""


@dataclass(frozen=True, slots=True)
class Planted:
    """How many documents are exact copies, and how many near copies, with one to three of about 200 words changed."""

    exact: int
    near: int


def write(path: Path, count: int, seed: int = 11, words_each: int = 200) -> Planted:
    """Writes `count` rows with the fields `id` and `text`, which has a quarter more or less than `words_each` words. At 200 words
    near copies have a Jaccard similarity of 5-grams over 0.81 with their original."""
    rng = random.Random(seed)
    vocabulary = ["".join(rng.choices("etaoinshrdlucmfw", k=rng.randint(2, 9))) for _ in range(30_000)]
    originals: list[list[str]] = []
    exact = near = 0
    with path.open("w") as file:
        for number in range(count):
            kind = number % _PERIOD
            if kind not in (9, 19):
                words = rng.choices(vocabulary, k=rng.randint(words_each * 3 // 4, words_each * 5 // 4))
                if len(originals) < _MOST_ORIGINALS * 200 // max(words_each, 200):
                    originals.append(words)
            else:
                words = list(rng.choice(originals))
                exact, near = exact + (kind == 9), near + (kind == 19)
            for _ in range(rng.randint(1, 3) if kind == 19 else 0):
                words[rng.randrange(len(words))] = rng.choice(vocabulary)
            file.write(json.dumps({"id": f"d{number:08}", "text": " ".join(words)}) + "\n")
    return Planted(exact, near)
