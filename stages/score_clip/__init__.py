"""Scores how well images and texts go together, with CLIP."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document, Image
from interloom.schemas.outcome import Outcome, Quarantined, Side
from interloom.stages._clip import checkpoints
from interloom.stages.score_clip.alignment import Passage, passages, scored

if TYPE_CHECKING:
    from interloom.stages._clip.towers import Towers

Vectors = npt.NDArray[np.float16]


@dataclass(frozen=True, kw_only=True)
class ScoreClip(Stage):
    """Cosine similarity of images and texts under a CLIP model (Radford et al. 2021), rounded to 4 decimals.

    An image gets `clip`, the best over the windows of its neighbouring text (alt text, captions, and the nearest `neighbours`
    text blocks before and after), and `clip_best`, over all texts of the document. A text gets `clip_best` over all images.
    A document gets `clip` and `clip_min`, the mean and the least of its images' `clip`, and `clip_best`, the best pair in it.
    Without images or without text there is nothing to compare and no score; an image without neighbouring text has no `clip`.

    `model` is a name that open_clip knows, a folder (`open_clip_config.json` and weights; local or s3), or a `.json` of that
    shape; `pretrained` a tag whose weights are in the local cache, or a checkpoint's path (safetensors, or torch's zip format
    with tensors only). Texts are cut into windows that the model reads whole. Images are composed on white and upright.
    With `keep_embeddings`, the vectors of images, and of texts beside images, go to the side table `embeddings`; an alt
    text is a text at its image's position. An image that cannot be decoded is quarantined.
    """

    dear: ClassVar[bool] = True
    uses_gpu: ClassVar[bool] = True
    wants_media: ClassVar[bool] = True

    model: str
    pretrained: str | None = None
    batch_size: int = 256
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    neighbours: int = 1
    keep_embeddings: bool = True

    def check(self) -> Iterable[str]:
        if self.batch_size < 1:
            yield f"batch_size: at least 1, not {self.batch_size}"
        if self.neighbours < 0:
            yield f"neighbours: at least 0, not {self.neighbours}"
        yield from checkpoints.problems(self.model, self.pretrained)

    def files(self) -> Iterable[str]:
        return checkpoints.paths(self.model, self.pretrained)

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        seen, broken = self._seen(docs)
        sound = [doc.without([image.position for image in doc.images if _key(image) in broken]) for doc in docs]
        said = [passages(doc) if doc.images else [] for doc in sound]
        read = self._read(passage.text for one in said for passage in one)
        for given, doc, spoken in zip(docs, sound, said, strict=True):
            yield from _quarantined(given, broken)
            pictures = {image.position: seen[_key(image)] for image in doc.images}
            texts = [(passage, read[passage.text]) for passage in spoken]
            yield from self._rows(doc.id, pictures, texts) if self.keep_embeddings else ()
            yield scored(doc, pictures, texts, self.neighbours)

    @cached_property
    def _towers(self) -> Towers:
        from interloom.stages._clip.towers import Towers

        return Towers.open(self.model, self.pretrained, batch_size=self.batch_size, precision=self.precision, device=self.device)

    def _seen(self, docs: Sequence[Document]) -> tuple[Mapping[str, Vectors], Mapping[str, str]]:
        """Each different picture's vector, and what is wrong with those that have none, by content."""
        found = {_key(image): image.data for doc in docs for image in doc.images}
        encoded = {key: data for key, data in found.items() if data}
        missing = {key: "has no bytes to score; fetch images first" for key, data in found.items() if not data}
        if not encoded:
            return {}, missing
        vectors, broken = self._towers.pictures(encoded.values())
        keys = list(encoded)
        return dict(zip(keys, vectors, strict=True)), missing | {keys[n]: error for n, error in broken.items()}

    def _read(self, texts: Iterable[str]) -> Mapping[str, Vectors]:
        """Each different text's (windows, d) vectors."""
        cut = {text: self._towers.windows(text) for text in dict.fromkeys(texts)}
        different = list(dict.fromkeys(window for windows in cut.values() for window in windows))
        if not different:
            return {text: np.zeros((0, 1), np.float16) for text in cut}
        vectors = self._towers.texts(different)
        place = {window: n for n, window in enumerate(different)}
        return {text: vectors[[place[window] for window in windows]] for text, windows in cut.items()}

    def _rows(self, id_: str, pictures: Mapping[int, Vectors], texts: Sequence[tuple[Passage, Vectors]]) -> Iterator[Side]:
        for position, vector in pictures.items():
            yield self._row(id_, position, 0, "image", vector)
        for passage, vectors in texts:
            for window, vector in enumerate(vectors):
                yield self._row(id_, passage.position, window, "text", vector)

    def _row(self, id_: str, position: int, window: int, kind: str, vector: Vectors) -> Side:
        name = f"{self.model}/{self.pretrained}" if self.pretrained else self.model
        row = {"id": id_, "position": position, "window": window, "kind": kind, "model": name}
        return Side("embeddings", {**row, "vector": vector.astype("<f2").tobytes()})


def _quarantined(doc: Document, broken: Mapping[str, str]) -> Iterator[Quarantined]:
    for image in doc.images:
        if _key(image) in broken:
            yield Quarantined(doc.id, broken[_key(image)], image.position, image.url)


def _key(image: Image) -> str:
    """What makes two pictures one: the hash of their bytes, or, of one that has none, its place."""
    return image.sha256 or (hashlib.sha256(image.data).hexdigest() if image.data else f"at {image.position}")
