"""Scores how pleasing pictures are, by a head on their CLIP embeddings."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Literal

from interloom.pipeline.errors import ConfigError
from interloom.pipeline.stage import Stage
from interloom.pipeline.store import storage
from interloom.schemas.document import Document, Element, Image
from interloom.schemas.outcome import Outcome, Quarantined
from interloom.stages._clip import checkpoints
from interloom.stages.score_aesthetic.head import Head

if TYPE_CHECKING:
    from interloom.stages._clip.towers import Towers


@dataclass(frozen=True, kw_only=True)
class ScoreAesthetic(Stage):
    """`aesthetic` of each image, and of a document the mean over its images, rounded to 4 decimals.

    `head` is the path (local or s3) of LAION's linear head (aesthetic v1) or of the layers of "improved aesthetic v2"
    (no activation between them; `relu` for heads trained with one), in torch's format with tensors only. `model` and
    `pretrained` are as in `stages.score_clip` and must be the CLIP that the head was trained on: ViT-L/14 of OpenAI for
    v2 and one of v1. OmniCorpus keeps images of 3.7 and more (arXiv 2406.08418, section 3). A picture that cannot be
    decoded is quarantined.
    """

    dear: ClassVar[bool] = True
    uses_gpu: ClassVar[bool] = True
    wants_media: ClassVar[bool] = True

    model: str
    head: str
    pretrained: str | None = None
    activation: Literal["none", "relu"] = "none"
    batch_size: int = 256
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    device: Literal["auto", "cpu", "cuda"] = "auto"

    def check(self) -> Iterable[str]:
        if self.batch_size < 1:
            yield f"batch_size: at least 1, not {self.batch_size}"
        if not storage.exists(self.head):
            yield f"head: no file at {self.head}"
        yield from checkpoints.problems(self.model, self.pretrained)

    def files(self) -> Iterable[str]:
        return (self.head, *checkpoints.paths(self.model, self.pretrained))

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        values, broken = self._values(docs)
        for doc in docs:
            gone = [image for image in doc.images if _key(image) in broken]
            yield from (Quarantined(doc.id, broken[_key(image)], image.position, image.url) for image in gone)
            yield _scored(doc.without([image.position for image in gone]), values)

    @cached_property
    def _tools(self) -> tuple[Towers, Head]:
        from interloom.stages._clip.towers import Towers

        head = Head.open(self.head, self.activation)
        towers = Towers.open(
            self.model, self.pretrained, batch_size=self.batch_size, precision=self.precision, device=self.device
        )
        return towers, head

    def _values(self, docs: Sequence[Document]) -> tuple[Mapping[str, float], Mapping[str, str]]:
        """Each different picture's score, and what is wrong with those that have none, by content."""
        found = {_key(image): image.data for doc in docs for image in doc.images}
        encoded = {key: data for key, data in found.items() if data}
        missing = {key: "has no bytes to score; fetch images first" for key, data in found.items() if not data}
        if not encoded:
            return {}, missing
        towers, head = self._tools
        vectors, broken = towers.pictures(encoded.values())
        keys = list(encoded)
        if len(broken) < len(keys) and vectors.shape[1] != head.width:
            raise ConfigError(f"head {self.head} takes vectors of {head.width}, and {self.model} gives {vectors.shape[1]}")
        good = [n for n in range(len(keys)) if n not in broken]
        values = {keys[n]: round(float(value), 4) for n, value in zip(good, head(vectors[good]), strict=True)}
        return values, missing | {keys[n]: error for n, error in broken.items()}


def _scored(doc: Document, values: Mapping[str, float]) -> Document:
    def one(element: Element) -> Element:
        return element.with_score("aesthetic", values[_key(element)]) if isinstance(element, Image) else element

    out = doc.with_elements(map(one, doc.elements))
    found = [image.scores["aesthetic"] for image in out.images]
    return out.with_score("aesthetic", round(sum(found) / len(found), 4)) if found else out


def _key(image: Image) -> str:
    """What makes two pictures one: the hash of their bytes, or, of one that has none, its place."""
    return image.sha256 or (hashlib.sha256(image.data).hexdigest() if image.data else f"at {image.position}")
