"""Scores how alike the images of a document are, by their stored vectors and their structure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar

import numpy as np
import pyarrow as pa
from PIL import Image as PillowImage

from interloom.pipeline.contents import Content, Need, embeddings, scores
from interloom.pipeline.cost import Cost
from interloom.pipeline.errors import DocumentError
from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document, Image
from interloom.schemas.outcome import Outcome, Quarantined
from interloom.stages._embed.in_documents import Matrix, evenly_spaced, with_image_vectors
from interloom.stages._images.decoding import NO_BYTES, decode
from interloom.stages.score_image_similarity.ssim import WINDOW, Measured, ssim


@dataclass(frozen=True, kw_only=True)
class ScoreImageSimilarity(Stage):
    """Scores how alike the images of a document are: `insi_sim`, the in-sample image similarity of Multimodal Textbook.

    The score is the mean, over all pairs of images, of half the sum of the cosine similarity of their CLIP vectors, which
    `stages.embed_images` stored, and of the structural similarity (SSIM; Wang et al. 2004) of their grey images (arXiv
    2501.00958, section 4); `insi_clip` and `insi_ssim` are the means of the two. Published means: 0.686 of Textbook, 0.345 of
    OBELICS, 0.319 of MMC4. A document with fewer than two images gets no score. An image that has no bytes or cannot be decoded
    is quarantined with the texts that describe it, a document with an image of which no vector is stored as a whole.

    Parameters:
        at_most: Of more images, so many are compared, evenly spaced in the document. Images, at least 2. Default 50, our choice:
            more than the 45 of Textbook's longest documents.
        side: Images are compared after scaling to so many pixels in width and height. Pixels. Default 128, our choice; the paper
            gives none.
        model: The model whose vectors are compared, as the step that stored them names it; null: the only one. Default null.
    """

    cost: ClassVar[Cost] = Cost(per_image=0.02)  # to decode it, and to compare it with 20 others, on one core
    wants_media: ClassVar[bool] = True
    side_tables: ClassVar[tuple[str, ...]] = ("embeddings",)

    at_most: int = 50
    side: int = 128
    model: str | None = None

    def needs(self) -> Iterable[Need]:
        return (embeddings("image", self.model),)

    def provides(self) -> Iterable[Content]:
        return scores("document", "insi_clip", "insi_ssim", "insi_sim")

    def check(self) -> Iterable[str]:
        if self.at_most < 2:
            yield f"at_most: must be at least 2, not {self.at_most}"
        if self.side < WINDOW:
            yield f"side: must be at least {WINDOW} pixels, not {self.side}"

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        return self.process_with(docs, {})

    def process_with(self, docs: Sequence[Document], sides: Mapping[str, Sequence[pa.Table]]) -> Iterator[Outcome]:
        for doc, vectors in with_image_vectors(docs, sides.get("embeddings", ()), self.model):
            if isinstance(vectors, Quarantined):
                yield vectors
            else:
                yield from self._outcomes(doc, vectors)

    def _outcomes(self, doc: Document, vectors: Matrix) -> Iterator[Outcome]:
        compared, broken = dict[int, Measured](), list[int]()
        for number in evenly_spaced(len(doc.images), self.at_most):
            image = doc.images[number]
            try:
                compared[number] = self._measured(image)
            except DocumentError as error:
                broken.append(image.position)
                yield Quarantined(doc.id, str(error), image.position, image.url)
        pairs = list(combinations(compared, 2))
        doc = doc.without(broken) if broken else doc
        yield _with_scores(doc, vectors, compared, pairs) if pairs else doc

    def _measured(self, image: Image) -> Measured:
        if not image.data:
            raise DocumentError(NO_BYTES)
        grey = decode(image.data).convert("L").resize((self.side, self.side), PillowImage.Resampling.BOX)
        return Measured.of(np.asarray(grey, np.float64))


def _with_scores(doc: Document, vectors: Matrix, compared: Mapping[int, Measured], pairs: Sequence[tuple[int, int]]) -> Document:
    """The document with the means over these pairs of images."""
    clip = math.fsum(float(vectors[a] @ vectors[b]) for a, b in pairs) / len(pairs)
    structure = math.fsum(ssim(compared[a], compared[b]) for a, b in pairs) / len(pairs)
    doc = doc.with_score("insi_clip", round(clip, 4)).with_score("insi_ssim", round(structure, 4))
    return doc.with_score("insi_sim", round((clip + structure) / 2, 4))
