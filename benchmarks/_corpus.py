"""Plain-text documents with planted duplicates, as JSON lines."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path

_EVERY = 20


@dataclass(frozen=True, slots=True)
class Planted:
    """How many documents repeat an earlier one, to the letter and with one to three of about 200 words changed."""

    exact: int
    near: int


def write(path: Path, count: int, seed: int = 11) -> Planted:
    """Fields `id` and `text`. Of 20 documents one is an exact copy, one a near one (Jaccard similarity of 5-grams over 0.81)."""
    chance = random.Random(seed)
    vocabulary = ["".join(chance.choices("etaoinshrdlucmfw", k=chance.randint(2, 9))) for _ in range(30_000)]
    originals: list[list[str]] = []
    exact = near = 0
    with path.open("w") as file:
        for number in range(count):
            kind = number % _EVERY
            if kind not in (9, 19):
                words = chance.choices(vocabulary, k=chance.randint(150, 250))
                originals.append(words)
            else:
                words = list(chance.choice(originals))
                exact, near = exact + (kind == 9), near + (kind == 19)
            for _ in range(chance.randint(1, 3) if kind == 19 else 0):
                words[chance.randrange(len(words))] = chance.choice(vocabulary)
            file.write(json.dumps({"id": f"d{number:08}", "text": " ".join(words)}) + "\n")
    return Planted(exact, near)
