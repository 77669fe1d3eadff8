"""The CLIP vectors of the images of some documents; each different image is encoded once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from interloom.schemas.document import Document, Image
from interloom.schemas.outcome import Quarantined, Side
from interloom.stages._embed.rows import Embeddings, Place, digest_of
from interloom.stages._embed.stored import Vectors
from interloom.stages._images.decoding import NO_BYTES

if TYPE_CHECKING:
    from interloom.stages._clip.towers import Towers


@dataclass(frozen=True)
class ImageVectors:
    """The unit vector of each image, and the error of each image that has no vector, by `image_key`."""

    vectors: Mapping[str, Vectors]
    errors: Mapping[str, str]

    @classmethod
    def of(cls, docs: Sequence[Document], towers: Callable[[], Towers], stored: Embeddings) -> ImageVectors:
        """Encodes the images of these documents, less those that steps above encoded. `towers` returns the loaded model; it is
        not called if there is no image to encode."""
        images = {image_key(image): image.data for doc in docs for image in doc.images}
        known = {key: stored.vectors[digest] for key in images if (digest := digest_of(key)) in stored.vectors}
        left = {key: data for key, data in images.items() if key not in known}
        encoded = cls._encoded(left, towers)
        vectors = {key: known[key] if key in known else encoded.vectors[key] for key in images if key not in encoded.errors}
        return cls(vectors, encoded.errors)

    @classmethod
    def _encoded(cls, images: Mapping[str, bytes | None], towers: Callable[[], Towers]) -> ImageVectors:
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

    def rows(self, doc: Document, stored: Embeddings) -> Iterator[Side]:
        """Rows of the side table `embeddings`, one for each image of the document that has a vector and no row yet."""
        for image in doc.images:
            key = image_key(image)
            if key in self.vectors:
                yield from stored.row(doc.id, Place("image", image.position), digest_of(key), self.vectors[key])

    def without_broken(self, doc: Document) -> Document:
        """The document without the images that have no vector, and without the texts that describe them."""
        return doc.without([image.position for image in doc.images if image_key(image) in self.errors])


def image_key(image: Image) -> str:
    """What equal images share: the hash of their bytes. An image without bytes gets its position instead."""
    return image.sha256 or (hashlib.sha256(image.data).hexdigest() if image.data else f"at {image.position}")
