"""Scores whether the images of a document go on from one to the next, by their stored vectors."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa

from interloom.pipeline.contents import Content, Need, embeddings, scores
from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document
from interloom.schemas.outcome import Outcome, Quarantined
from interloom.stages._embed.in_documents import Matrix, evenly_spaced, with_image_vectors


@dataclass(frozen=True, kw_only=True)
class ScoreImageCoherence(Stage):
    """Scores whether the images of a document go on from one to the next without repeating themselves: `image_coherence`.

    The score is CoMM's (arXiv 2406.10462, section 3): the mean cosine similarity of consecutive images minus that of all other
    pairs, of vectors that `stages.embed_images` stored. It is 0 for images that are all alike, and high for a sequence of steps,
    in which neighbours are alike and other images differ. Two images have no other pairs, so their score is their similarity. A
    document with fewer than two images gets no score. CoMM publishes no limit. A document with an image of which no vector is
    stored is quarantined.

    Parameters:
        at_most: Of more images, so many are scored, evenly spaced in the document. Images, at least 3. Default 1000, our choice.
        model: The model whose vectors are compared, as the step that stored them names it; null: the only one. Default null.
    """

    side_tables: ClassVar[tuple[str, ...]] = ("embeddings",)

    at_most: int = 1000
    model: str | None = None

    def needs(self) -> Iterable[Need]:
        return (embeddings("image", self.model),)

    def provides(self) -> Iterable[Content]:
        return scores("document", "image_coherence")

    def check(self) -> Iterable[str]:
        if self.at_most < 3:
            yield f"at_most: must be at least 3, not {self.at_most}"

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        return self.process_with(docs, {})

    def process_with(self, docs: Sequence[Document], sides: Mapping[str, Sequence[pa.Table]]) -> Iterator[Outcome]:
        for doc, vectors in with_image_vectors(docs, sides.get("embeddings", ()), self.model):
            if isinstance(vectors, Quarantined):
                yield vectors
            else:
                score = coherence(vectors[evenly_spaced(len(vectors), self.at_most)])
                yield doc if score is None else doc.with_score("image_coherence", score)


def coherence(vectors: Matrix) -> float | None:
    """The score of images with these vectors, in order, to 4 decimals; None for fewer than two.

    F = sum of Sim(i, i - 1) / (N - 1) - 2 * sum of Sim(i, j < i - 1) / ((N - 1) * (N - 2)), with N images. All sums are exact.
    """
    count = len(vectors)
    if count < 2:
        return None
    similarities = vectors @ vectors.T
    consecutive, others = np.diagonal(similarities, 1), similarities[np.tril_indices(count, -2)]
    return round(math.fsum(consecutive) / len(consecutive) - math.fsum(others) / max(len(others), 1), 4)
