"""Scores how well images and texts match, with CLIP."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from interloom.pipeline.contents import IMAGE_BYTES, Content, Need, embeddings, scores, side_table
from interloom.pipeline.cost import Cost
from interloom.schemas.document import Document
from interloom.schemas.outcome import Outcome, Side
from interloom.stages._clip import checkpoints
from interloom.stages._clip.clip_stage import ClipStage
from interloom.stages._clip.image_vectors import ImageVectors, image_key
from interloom.stages._embed.rows import TABLE, Embeddings, Place, digest_of
from interloom.stages._embed.text_vectors import TextVectors
from interloom.stages.score_clip.alignment import Passage, passages, with_scores

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, kw_only=True)
class ScoreClip(ClipStage):
    """Scores how well images and texts match: the cosine similarity of their CLIP vectors (Radford et al. 2021).

    Scores are rounded to 4 decimals. An image gets `clip`, the best over the windows of its neighbouring text (its alt text, its
    captions, and the nearest `neighbours` text blocks before and after), and `clip_best`, the best over all texts of the
    document. A text gets `clip_best`, the best over all images. A document gets `clip` and `clip_min`, the mean and the least of
    its images' `clip`, and `clip_best`, its best pair. A document without images or without text gets no score; an image without
    neighbouring text gets no `clip`. Texts are cut into windows that fit the model's context. Images are turned upright, and
    transparent parts are made white. An image that has no bytes or cannot be decoded is quarantined. A vector that a step above
    (`stages.embed_images`, `stages.embed_texts`) stored with the same model and weights is used again.

    Parameters:
        model: A name that open_clip knows; or a folder with `open_clip_config.json` and weights, local or s3; or a `.json` file
            of that form.
        pretrained: The weights: a tag of open_clip whose file is in the local cache, or the path of a checkpoint (safetensors, or
            torch's zip format with tensors only). Default none, for a folder that holds its weights.
        batch_size: Images or texts that the model encodes at once; at most 16 on the CPU. Default 256, our choice.
        precision: Number format of the model: "fp32", "bf16", or "auto", which is bf16 on a GPU and fp32 on the CPU. Default
            "auto", our choice.
        device: Where the model runs: "cpu", "cuda", or "auto", which takes the GPU if there is one. Default "auto".
        neighbours: So many text blocks before an image, and so many after it, are its neighbouring text. Default 1, our choice.
        keep_embeddings: Whether the vectors of all images, and of the texts of documents with images, go to the side table
            `embeddings`; an alt text has the position of its image. Default true, our choice.
    """

    cost: ClassVar[Cost] = Cost(per_image=0.03, per_million_characters=10.0)  # about ViT-B-32 on one core
    wants_media: ClassVar[bool] = True
    side_tables: ClassVar[tuple[str, ...]] = (TABLE,)

    neighbours: int = 1
    keep_embeddings: bool = True

    def needs(self) -> Iterable[Need]:
        return (IMAGE_BYTES,)

    def provides(self) -> Iterable[Content]:
        version = checkpoints.version(self.pretrained)
        stored = [embeddings(kind, self.model, version) for kind in ("image", "text")]
        rows = (side_table("embeddings"), *stored) if self.keep_embeddings else ()
        of_elements = (*scores("image", "clip", "clip_best"), *scores("text", "clip_best"))
        return (*of_elements, *scores("document", "clip", "clip_best", "clip_min"), *rows)

    def check(self) -> Iterable[str]:
        if self.neighbours < 0:
            yield f"neighbours: must be at least 0, not {self.neighbours}"
        yield from super().check()

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        return self.process_with(docs, {})

    def process_with(self, docs: Sequence[Document], sides: Mapping[str, Sequence[pa.Table]]) -> Iterator[Outcome]:
        stored = Embeddings.stored(self.model, self._revision, sides.get(TABLE, ()))
        images = ImageVectors.of(docs, lambda: self._towers, stored)
        kept = [images.without_broken(doc) for doc in docs]
        doc_passages = [passages(doc) if doc.images else [] for doc in kept]
        texts = TextVectors.of((passage.text for group in doc_passages for passage in group), lambda: self._towers, stored)
        for original, doc, group in zip(docs, kept, doc_passages, strict=True):
            yield from images.quarantined(original)
            if self.keep_embeddings:
                yield from images.rows(doc, stored)
                yield from _text_rows(doc.id, group, texts, stored)
            image_vectors = {image.position: images.vectors[image_key(image)] for image in doc.images}
            passage_vectors = [(passage, texts.of_text(passage.text)) for passage in group]
            yield with_scores(doc, image_vectors, passage_vectors, self.neighbours)


def _text_rows(id_: str, group: Sequence[Passage], texts: TextVectors, stored: Embeddings) -> Iterator[Side]:
    """Rows of the side table `embeddings`, one for each window of a text that has no row yet."""
    for passage in group:
        for number, window in enumerate(texts.windows[passage.text]):
            place = Place("text", passage.position, number)
            yield from stored.row(id_, place, digest_of(window), texts.vectors[window])
