"""Scores how pleasing images look, with a head on their CLIP vectors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from interloom.pipeline.contents import IMAGE_BYTES, Content, Need, scores
from interloom.pipeline.cost import Cost
from interloom.pipeline.errors import ConfigError
from interloom.pipeline.store import storage
from interloom.schemas.document import Document, Element, Image
from interloom.schemas.outcome import Outcome
from interloom.stages._clip.clip_stage import ClipStage
from interloom.stages._clip.image_vectors import ImageVectors, image_key
from interloom.stages._embed.rows import TABLE, Embeddings
from interloom.stages.score_aesthetic.head import Head

if TYPE_CHECKING:
    import pyarrow as pa

    from interloom.stages._clip.towers import Towers


@dataclass(frozen=True, kw_only=True)
class ScoreAesthetic(ClipStage):
    """Scores how pleasing images look, in `aesthetic`, with a head on their CLIP vectors.

    The document gets the mean over its images. Scores are rounded to 4 decimals. OmniCorpus keeps images of 3.7 and more
    (arXiv 2406.08418, section 3). A vector that a step above (`stages.embed_images`, `stages.score_clip`) stored with the same
    model and weights is used again; the model encodes the other images. An image that has no bytes or cannot be decoded is
    quarantined.

    Parameters:
        model: The CLIP model, as in `stages.score_clip`. It must be the one that the head was trained on: OpenAI's ViT-L/14 for
            "improved aesthetic v2" and for one head of LAION's aesthetic v1.
        head: Path, local or s3, of LAION's linear head (aesthetic v1) or of the layers of "improved aesthetic v2", in torch's
            format with tensors only.
        pretrained: The weights of the model, as in `stages.score_clip`. Default none.
        activation: The activation between the layers of the head: "none", or "relu" for a head that was trained with one. Default
            "none", as in "improved aesthetic v2".
        batch_size: Images that the model encodes at once; at most 16 on the CPU. Default 256, our choice.
        precision: Number format of the model, as in `stages.score_clip`. Default "auto".
        device: Where the model runs, as in `stages.score_clip`. Default "auto".
    """

    cost: ClassVar[Cost] = Cost(per_image=0.03)  # about ViT-B-32 on one core
    wants_media: ClassVar[bool] = True
    side_tables: ClassVar[tuple[str, ...]] = ("embeddings",)

    head: str
    activation: Literal["none", "relu"] = "none"

    def needs(self) -> Iterable[Need]:
        return (IMAGE_BYTES,)

    def provides(self) -> Iterable[Content]:
        return (*scores("image", "aesthetic"), *scores("document", "aesthetic"))

    def check(self) -> Iterable[str]:
        if not storage.exists(self.head):
            yield f"head: no file at {self.head}"
        yield from super().check()

    def files(self) -> Iterable[str]:
        return (self.head, *super().files())

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        return self.process_with(docs, {})

    def process_with(self, docs: Sequence[Document], sides: Mapping[str, Sequence[pa.Table]]) -> Iterator[Outcome]:
        stored = Embeddings.stored(self.model, self._revision, sides.get(TABLE, ()))
        images = ImageVectors.of(docs, lambda: self._towers, stored)
        scores = self._scores(images)
        for doc in docs:
            yield from images.quarantined(doc)
            yield _with_scores(images.without_broken(doc), scores)

    @cached_property
    def _towers(self) -> Towers:
        """The CLIP model. The head is loaded before it, because it is small and may be refused."""
        _ = self._head
        return super()._towers

    @cached_property
    def _head(self) -> Head:
        return Head.open(self.head, self.activation)

    def _scores(self, images: ImageVectors) -> Mapping[str, float]:
        """The score of each image that has a vector, by `image_key`. Raises ConfigError if the head does not fit the model."""
        if not images.vectors:
            return {}
        vectors = np.stack(list(images.vectors.values()))
        if vectors.shape[1] != self._head.width:
            raise ConfigError(f"head {self.head} takes vectors of {self._head.width}, and {self.model} gives {vectors.shape[1]}")
        return {key: round(float(score), 4) for key, score in zip(images.vectors, self._head(vectors), strict=True)}


def _with_scores(doc: Document, scores: Mapping[str, float]) -> Document:
    """The document with the score of each image, and with their mean; unchanged if it has no images."""

    def with_score(element: Element) -> Element:
        return element.with_score("aesthetic", scores[image_key(element)]) if isinstance(element, Image) else element

    out = doc.with_elements(map(with_score, doc.elements))
    values = [image.scores["aesthetic"] for image in out.images]
    return out.with_score("aesthetic", round(sum(values) / len(values), 4)) if values else out
