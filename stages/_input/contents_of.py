"""What the first documents of an input hold, for sources that look at them before a run."""

from __future__ import annotations

from collections.abc import Iterator

from interloom.pipeline.contents import IMAGE_SHA256, IMAGE_SIZE, PARTS, VIDEO, Content, labels, scores
from interloom.schemas.document import Clip, Document


def contents_of(doc: Document) -> Iterator[Content]:
    """Yields the labels, scores and parts that a document has, beside its text and its pictures with their bytes and format."""
    yield from (*labels(*doc.labels), *scores("document", *doc.scores))
    yield from (score for image in doc.images for score in scores("image", *image.scores))
    yield from (score for text in doc.texts for score in scores("text", *text.scores))
    yield from PARTS if doc.body is not None or any(image.phash or image.start_s is not None for image in doc.images) else ()
    yield from (IMAGE_SHA256,) if any(image.sha256 for image in doc.images) else ()
    yield from (IMAGE_SIZE,) if any(image.width for image in doc.images) else ()
    yield from (VIDEO,) if any(isinstance(element, Clip) for element in doc.elements) else ()
