"""Verifies and measures every picture: format, size, content hash, perceptual hash. The original bytes stay as they are."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import ClassVar, Literal

from interloom.pipeline.errors import DocumentError
from interloom.pipeline.stage import Limits, Stage
from interloom.schemas.document import Document, Element, Image
from interloom.schemas.outcome import Drop, Dropped, Outcome, Quarantined
from interloom.stages.decode_images.picture import measure


@dataclass(frozen=True, kw_only=True)
class DecodeImages(Stage):
    """Pictures that are none go (`not_fetched`, `empty`, `not_an_image`, `svg`, `bomb`, `animated`); broken ones are
    quarantined. A picture that has been measured before is not decoded again.

    `max_pixels`: width times height above which a picture is a `bomb`, judged from its header before any decoding.
    `animated`: `keep` measures the first frame; `drop` drops what has several.
    """

    max_pixels: int = 100_000_000
    animated: Literal["keep", "drop"] = "keep"

    wants_media: ClassVar[bool] = True
    isolated: ClassVar[Limits | None] = Limits(timeout_s=20.0, memory_bytes=4 << 30)
    level: ClassVar[str] = "image"

    def check(self) -> Iterator[str]:
        if self.max_pixels < 1:
            yield f"max_pixels: {self.max_pixels} lets no picture through; give at least 1"

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        for doc in docs:
            yield from self._decode(doc)

    def _decode(self, doc: Document) -> Iterator[Outcome]:
        kept: list[Element] = []
        gone: list[int] = []
        for element in doc.elements:
            judged = self._judge(doc.id, element) if isinstance(element, Image) else element
            if isinstance(judged, Element):
                kept.append(judged)
            else:
                gone.append(element.position)
                yield judged
        yield doc.with_elements(kept).without(gone)

    def _judge(self, id_: str, image: Image) -> Image | Dropped | Quarantined:
        data = image.data
        if data is None:
            return Dropped(id_, Drop("not_fetched"), image.position, image.url)
        if image.width and image.height and image.phash and image.sha256:
            return image
        try:
            found = measure(data, self.max_pixels, self.animated == "keep")
        except DocumentError as error:
            return Quarantined(id_, str(error), image.position, image.url)
        if isinstance(found, Drop):
            return Dropped(id_, found, image.position, image.url)
        return replace(image, **asdict(found), sha256=image.sha256 or hashlib.sha256(data).hexdigest())
