"""The CLIP vectors of the images of some documents; each different image is encoded once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from interloom.schemas.document import Document, Image
from interloom.schemas.outcome import Quarantined
from interloom.stages._images.decoding import NO_BYTES

if TYPE_CHECKING:
    from interloom.stages._clip.towers import Towers

Vectors = npt.NDArray[np.float16]


@dataclass(frozen=True)
class ImageVectors:
    """The unit vector of each image, and the error of each image that has no vector, by `image_key`."""

    vectors: Mapping[str, Vectors]
    errors: Mapping[str, str]

    @classmethod
    def of(cls, docs: Sequence[Document], towers: Callable[[], Towers]) -> ImageVectors:
        """Encodes the images of these documents. `towers` returns the loaded model; it is not called if there is no image."""
        images = {image_key(image): image.data for doc in docs for image in doc.images}
        encoded = {key: data for key, data in images.items() if data}
        errors = {key: NO_BYTES for key, data in images.items() if not data}
        if not encoded:
            return cls({}, errors)
        rows, errors_by_row = towers().embed_images(encoded.values())
        keys = list(encoded)
        vectors = {key: rows[n] for n, key in enumerate(keys) if n not in errors_by_row}
        return cls(vectors, errors | {keys[n]: error for n, error in errors_by_row.items()})

    def quarantined(self, doc: Document) -> Iterator[Quarantined]:
        """A decision for each image of the document that has no vector."""
        for image in doc.images:
            key = image_key(image)
            if key in self.errors:
                yield Quarantined(doc.id, self.errors[key], image.position, image.url)

    def without_broken(self, doc: Document) -> Document:
        """The document without the images that have no vector, and without the texts that describe them."""
        return doc.without([image.position for image in doc.images if image_key(image) in self.errors])


def image_key(image: Image) -> str:
    """What equal images share: the hash of their bytes. An image without bytes gets its position instead."""
    return image.sha256 or (hashlib.sha256(image.data).hexdigest() if image.data else f"at {image.position}")
