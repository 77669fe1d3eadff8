"""Verifies and measures every image: format, size, content hash, perceptual hash. The encoded bytes stay as they are."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import ClassVar, Literal

from interloom.pipeline.contents import IMAGE_BYTES, IMAGE_FORMAT, IMAGE_PHASH, IMAGE_SHA256, IMAGE_SIZE, Content, Need
from interloom.pipeline.cost import Limits
from interloom.pipeline.errors import DocumentError
from interloom.pipeline.stage import Level, Stage
from interloom.schemas.document import Document, Element, Image
from interloom.schemas.outcome import Drop, Dropped, Outcome, Quarantined
from interloom.stages.decode_images.measures import measure


@dataclass(frozen=True, kw_only=True)
class DecodeImages(Stage):
    """Drops what is not an image, quarantines damaged images, and measures the others.

    An image gets `format`, `width`, `height` (after EXIF rotation), `phash` and `sha256`. Drop reasons are `not_fetched`,
    `empty`, `not_an_image`, `svg`, `bomb` and `animated`. An image that already has its measures is not decoded again.

    Parameters:
        max_pixels: An image of more pixels (width times height) is dropped as a `bomb`, going by its header, before anything is
            decoded. Default 100000000, our choice.
        animated: Animations: "keep" measures the first frame, "drop" drops an image of more than one frame. Default "keep",
            our choice.
    """

    max_pixels: int = 100_000_000
    animated: Literal["keep", "drop"] = "keep"

    memory_bytes: ClassVar[int] = 290_000_000
    wants_media: ClassVar[bool] = True
    isolated: ClassVar[Limits | None] = Limits(timeout_s=20.0, memory_bytes=4 << 30)
    level: ClassVar[Level] = "image"

    def needs(self) -> Iterable[Need]:
        return (IMAGE_BYTES,)

    def provides(self) -> Iterable[Content]:
        return (IMAGE_SIZE, IMAGE_FORMAT, IMAGE_SHA256, IMAGE_PHASH)

    def check(self) -> Iterator[str]:
        if self.max_pixels < 1:
            yield f"max_pixels: must be at least 1, not {self.max_pixels}"

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        for doc in docs:
            yield from self._decode(doc)

    def _decode(self, doc: Document) -> Iterator[Outcome]:
        kept: list[Element] = []
        removed: list[int] = []
        for element in doc.elements:
            outcome = self._measured(doc.id, element) if isinstance(element, Image) else element
            if isinstance(outcome, Element):
                kept.append(outcome)
            else:
                removed.append(element.position)
                yield outcome
        yield doc.with_elements(kept).without(removed)

    def _measured(self, id_: str, image: Image) -> Image | Dropped | Quarantined:
        """The image with its measures, or the decision that removes it from the document `id_`."""
        data = image.data
        if data is None:
            return Dropped(id_, Drop("not_fetched"), image.position, image.url)
        if image.width and image.height and image.phash and image.sha256:
            return image
        try:
            measures = measure(data, self.max_pixels, self.animated == "keep")
        except DocumentError as error:
            return Quarantined(id_, str(error), image.position, image.url)
        if isinstance(measures, Drop):
            return Dropped(id_, measures, image.position, image.url)
        return replace(image, **asdict(measures), sha256=image.sha256 or hashlib.sha256(data).hexdigest())
