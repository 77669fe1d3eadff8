"""A step that stores embeddings without a model: those of texts that share words are near each other."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import numpy.typing as npt

from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document, Image
from interloom.schemas.outcome import Outcome, Side


@dataclass(frozen=True, kw_only=True)
class DrawsVectors(Stage):
    """Stores an embedding of each sentence of the first text and of each picture, and gives documents pictures.

    Sentences end with a full stop. "[a red boat]" is not text but a picture of one.
    """

    width: int = 32
    model: str = "drawn"

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        for doc in docs:
            words = doc.text.replace("]", "[").split("[")
            text, pictures = " ".join("".join(words[::2]).split()), words[1::2]
            start = 0
            for window, sentence in enumerate(text.split(". ") if text else ()):
                end = start + len(sentence.rstrip("."))
                yield self._row(doc.id, 0, window, "sentence", text[start:end], start=start, end=end)
                start += len(sentence) + 2
            for position, picture in enumerate(pictures, 1):
                yield self._row(doc.id, position, 0, "image", picture)
            yield self._row(doc.id, -1, 0, "document", text or "nothing")
            images = (Image(position=n, url=f"{doc.source.url}/{n}.png", alt=picture) for n, picture in enumerate(pictures, 1))
            yield doc.with_elements([replace(doc.texts[0], text=text), *images])

    def _row(self, id_: str, position: int, window: int, kind: str, text: str, **offsets: int) -> Side:
        vector = sum((direction(word, self.width) for word in text.lower().split()), np.zeros(self.width))
        unit = (vector / max(float(np.linalg.norm(vector)), 1e-9)).astype("<f2").tobytes()
        place = {"id": id_, "position": position, "window": window, "kind": kind}
        return Side("embeddings", {**place, "model": self.model, "revision": "1", "vector": unit, **offsets})


@cache
def direction(word: str, width: int) -> npt.NDArray[np.float64]:
    """The direction of a word."""
    chance = random.Random(word)
    return np.array([chance.gauss(0, 1) for _ in range(width)])
