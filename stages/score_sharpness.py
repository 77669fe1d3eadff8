"""Scores how sharp images are by the variance of the Laplacian."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from interloom.pipeline.contents import IMAGE_BYTES, Content, Need, scores
from interloom.pipeline.errors import DocumentError
from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document, Element, Image
from interloom.schemas.outcome import Outcome, Quarantined
from interloom.stages._images.decoding import NO_BYTES, decode


@dataclass(frozen=True, kw_only=True)
class ScoreSharpness(Stage):
    """Scores how sharp images are, in `sharpness`; blurred images score low.

    The score is the variance of the Laplacian (4 neighbours) of the grey image, grey levels of 0 to 255 (Pech-Pacheco et al.
    2000). A frame that is out of focus or blurred by motion scores below 50 to 100, an image of a single colour 0; drawings and
    text score high. The document gets the mean over its images. The score replaces that of the same name by
    `stages.extract_keyframes`, which measures images reduced further. An image that has no bytes or cannot be decoded is
    quarantined with the texts that describe it.

    Parameters:
        side: Images are reduced until their longer side has at most so many pixels, because the score depends on the size;
            smaller images stay as they are. Default 512, our choice.
    """

    wants_media: ClassVar[bool] = True

    side: int = 512

    def needs(self) -> Iterable[Need]:
        return (IMAGE_BYTES,)

    def provides(self) -> Iterable[Content]:
        return (*scores("image", "sharpness"), *scores("document", "sharpness"))

    def check(self) -> Iterable[str]:
        if self.side < 16:
            yield f"side: must be at least 16 pixels, not {self.side}"

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        for doc in docs:
            yield from self._scored(doc)

    def _scored(self, doc: Document) -> Iterator[Outcome]:
        kept, broken = list[Element](), list[int]()
        for element in doc.elements:
            try:
                kept.append(self._with_score(element) if isinstance(element, Image) else element)
            except DocumentError as error:
                broken.append(element.position)
                yield Quarantined(doc.id, str(error), element.position, getattr(element, "url", ""))
        out = doc.with_elements(kept).without(broken)
        values = [image.scores["sharpness"] for image in out.images]
        yield out.with_score("sharpness", round(sum(values) / len(values), 3)) if values else out

    def _with_score(self, image: Image) -> Image:
        if not image.data:
            raise DocumentError(NO_BYTES)
        grey = decode(image.data).convert("L")
        if max(grey.size) > self.side:
            grey.thumbnail((self.side, self.side), PillowImage.Resampling.BOX)
        return image.with_score("sharpness", round(laplacian_variance(np.asarray(grey, np.float32)), 3))


def laplacian_variance(grey: npt.NDArray[np.float32]) -> float:
    """The variance of the Laplacian of (height, width) grey levels, inside the border; 0 if a side has fewer than 3 pixels.

    [[0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]] -> 6.25 (the Laplacian is -4 and 1)
    """
    if min(grey.shape) < 3:
        return 0.0
    neighbours = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    return float(np.var(neighbours - 4 * grey[1:-1, 1:-1], dtype=np.float64))
