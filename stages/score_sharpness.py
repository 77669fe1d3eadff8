"""Scores how sharp pictures are; blurred ones score low."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from PIL import Image as Picture

from interloom.pipeline.errors import DocumentError
from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document, Element, Image
from interloom.schemas.outcome import Outcome, Quarantined
from interloom.stages._images.pixels import decode


@dataclass(frozen=True, kw_only=True)
class ScoreSharpness(Stage):
    """`sharpness`: variance of the Laplacian (4 neighbours) of the grey picture, grey from 0 to 255 (Pech-Pacheco et al. 2000).

    It grows with size, so a picture is first reduced until its longer side has `side` pixels; smaller ones stay as they are.
    A document gets the mean over its images. A frame out of focus or in motion scores below 50 to 100, one of a single
    colour 0; drawings and text score high. It takes the place of the score of the same name by `stages.extract_keyframes`,
    which is of a picture reduced further. A picture that cannot be decoded is quarantined.
    """

    wants_media: ClassVar[bool] = True

    side: int = 512

    def check(self) -> Iterable[str]:
        if self.side < 16:
            yield f"side: at least 16 pixels, not {self.side}"

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        for doc in docs:
            yield from self._scored(doc)

    def _scored(self, doc: Document) -> Iterator[Outcome]:
        kept, broken = list[Element](), list[int]()
        for element in doc.elements:
            try:
                kept.append(self._image(element) if isinstance(element, Image) else element)
            except DocumentError as error:
                broken.append(element.position)
                yield Quarantined(doc.id, str(error), element.position, getattr(element, "url", ""))
        out = doc.with_elements(kept).without(broken)
        values = [image.scores["sharpness"] for image in out.images]
        yield out.with_score("sharpness", round(sum(values) / len(values), 3)) if values else out

    def _image(self, image: Image) -> Image:
        if not image.data:
            raise DocumentError("has no bytes to score; fetch images first")
        picture = decode(image.data).convert("L")
        if max(picture.size) > self.side:
            picture.thumbnail((self.side, self.side), Picture.Resampling.BOX)
        return image.with_score("sharpness", round(laplacian_variance(np.asarray(picture, np.float32)), 3))


def laplacian_variance(grey: npt.NDArray[np.float32]) -> float:
    """Variance of (height, width) greys' second derivatives inside the border; 0 for what has no inside."""
    if min(grey.shape) < 3:
        return 0.0
    around = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    return float(np.var(around - 4 * grey[1:-1, 1:-1], dtype=np.float64))
