"""Embeds images, with the image towers of CLIP and other models of open_clip."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from interloom.pipeline.contents import EMBEDDINGS, IMAGE_BYTES, Content, Need, embeddings
from interloom.pipeline.cost import Cost
from interloom.schemas.document import Document
from interloom.schemas.outcome import Outcome
from interloom.stages._clip import checkpoints
from interloom.stages._clip.clip_stage import ClipStage
from interloom.stages._clip.image_vectors import ImageVectors
from interloom.stages._embed.rows import TABLE, Embeddings

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, kw_only=True)
class EmbedImages(ClipStage):
    """Stores a unit vector of each image in the side table `embeddings`.

    Each different image is encoded once. A vector that a step above (`stages.score_clip`) stored with the same model and weights
    is used again, and steps below use those of this step. Images are turned upright, and transparent parts are made white. An
    image that has no bytes or cannot be decoded is quarantined; otherwise documents pass unchanged.

    Parameters:
        model: A model of open_clip with an image tower (CLIP, SigLIP, CoCa), as in `stages.score_clip`.
        pretrained: The weights of the model, as in `stages.score_clip`. Default none.
        batch_size: Images that the model encodes at once; at most 16 on the CPU. Default 256, our choice.
        precision: Number format of the model, as in `stages.score_clip`. Default "auto".
        device: Where the model runs, as in `stages.score_clip`. Default "auto".
    """

    cost: ClassVar[Cost] = Cost(per_image=0.03)  # about ViT-B-32 on one core
    wants_media: ClassVar[bool] = True
    side_tables: ClassVar[tuple[str, ...]] = (TABLE,)

    def needs(self) -> Iterable[Need]:
        return (IMAGE_BYTES,)

    def provides(self) -> Iterable[Content]:
        return (EMBEDDINGS, embeddings("image", self.model, checkpoints.version(self.pretrained)))

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        return self.process_with(docs, {})

    def process_with(self, docs: Sequence[Document], sides: Mapping[str, Sequence[pa.Table]]) -> Iterator[Outcome]:
        stored = Embeddings.stored(self.model, self._revision, sides.get(TABLE, ()))
        images = ImageVectors.of(docs, lambda: self._towers, stored)
        for doc in docs:
            yield from images.quarantined(doc)
            kept = images.without_broken(doc)
            yield from images.rows(kept, stored)
            yield kept
