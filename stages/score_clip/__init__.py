"""Scores how well images and texts match, with CLIP."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from interloom.pipeline.contents import IMAGE_BYTES, Content, Need, scores, side_table
from interloom.pipeline.cost import Cost
from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document
from interloom.schemas.outcome import Outcome, Side
from interloom.stages._clip import checkpoints
from interloom.stages._clip.image_vectors import ImageVectors, Vectors, image_key
from interloom.stages.score_clip.alignment import Passage, passages, with_scores

if TYPE_CHECKING:
    from interloom.stages._clip.towers import Towers


@dataclass(frozen=True, kw_only=True)
class ScoreClip(Stage):
    """Scores how well images and texts match: the cosine similarity of their CLIP vectors (Radford et al. 2021).

    Scores are rounded to 4 decimals. An image gets `clip`, the best over the windows of its neighbouring text (its alt text, its
    captions, and the nearest `neighbours` text blocks before and after), and `clip_best`, the best over all texts of the
    document. A text gets `clip_best`, the best over all images. A document gets `clip` and `clip_min`, the mean and the least of
    its images' `clip`, and `clip_best`, its best pair. A document without images or without text gets no score; an image without
    neighbouring text gets no `clip`. Texts are cut into windows that fit the model's context. Images are turned upright, and
    transparent parts are made white. An image that has no bytes or cannot be decoded is quarantined.

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

    checkpoint: ClassVar[bool] = True
    cost: ClassVar[Cost] = Cost(per_image=0.03, per_million_characters=10.0)  # about ViT-B-32 on one core
    uses_gpu: ClassVar[bool] = True
    wants_media: ClassVar[bool] = True

    model: str
    pretrained: str | None = None
    batch_size: int = 256
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    neighbours: int = 1
    keep_embeddings: bool = True

    def needs(self) -> Iterable[Need]:
        return (IMAGE_BYTES,)

    def provides(self) -> Iterable[Content]:
        rows = (side_table("embeddings"),) if self.keep_embeddings else ()
        of_elements = (*scores("image", "clip", "clip_best"), *scores("text", "clip_best"))
        return (*of_elements, *scores("document", "clip", "clip_best", "clip_min"), *rows)

    def check(self) -> Iterable[str]:
        if self.batch_size < 1:
            yield f"batch_size: must be at least 1, not {self.batch_size}"
        if self.neighbours < 0:
            yield f"neighbours: must be at least 0, not {self.neighbours}"
        yield from checkpoints.problems(self.model, self.pretrained)

    def files(self) -> Iterable[str]:
        return checkpoints.paths(self.model, self.pretrained)

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        images = ImageVectors.of(docs, lambda: self._towers)
        kept = [images.without_broken(doc) for doc in docs]
        doc_passages = [passages(doc) if doc.images else [] for doc in kept]
        text_vectors = self._text_vectors(passage.text for group in doc_passages for passage in group)
        for original, doc, group in zip(docs, kept, doc_passages, strict=True):
            yield from images.quarantined(original)
            image_vectors = {image.position: images.vectors[image_key(image)] for image in doc.images}
            passage_vectors = [(passage, text_vectors[passage.text]) for passage in group]
            yield from self._rows(doc.id, image_vectors, passage_vectors) if self.keep_embeddings else ()
            yield with_scores(doc, image_vectors, passage_vectors, self.neighbours)

    @cached_property
    def _towers(self) -> Towers:
        from interloom.stages._clip.towers import Towers

        return Towers.open(self.model, self.pretrained, batch_size=self.batch_size, precision=self.precision, device=self.device)

    def _text_vectors(self, texts: Iterable[str]) -> Mapping[str, Vectors]:
        """Text -> the (windows, d) vectors of its windows; each different window is encoded once."""
        windows_of = {text: self._towers.windows(text) for text in dict.fromkeys(texts)}
        unique = list(dict.fromkeys(window for windows in windows_of.values() for window in windows))
        if not unique:
            return {text: np.zeros((0, 1), np.float16) for text in windows_of}
        vectors = self._towers.embed_texts(unique)
        row_of = {window: n for n, window in enumerate(unique)}
        return {text: vectors[[row_of[window] for window in windows]] for text, windows in windows_of.items()}

    def _rows(
        self, id_: str, image_vectors: Mapping[int, Vectors], passage_vectors: Sequence[tuple[Passage, Vectors]]
    ) -> Iterator[Side]:
        """Rows of the side table `embeddings`: one for each image and for each window of a text."""
        for position, vector in image_vectors.items():
            yield self._row(id_, position, 0, "image", vector)
        for passage, vectors in passage_vectors:
            for window, vector in enumerate(vectors):
                yield self._row(id_, passage.position, window, "text", vector)

    def _row(self, id_: str, position: int, window: int, kind: str, vector: Vectors) -> Side:
        place = {"id": id_, "position": position, "window": window, "kind": kind}
        model = {"model": self.model, "revision": self._revision}
        return Side("embeddings", {**place, **model, "vector": vector.astype("<f2").tobytes()})

    @cached_property
    def _revision(self) -> str:
        return checkpoints.revision(self.model, self.pretrained)
