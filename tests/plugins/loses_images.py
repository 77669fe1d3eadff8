"""A wrong step: images vanish without a decision."""

from collections.abc import Iterator, Sequence

from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document
from interloom.schemas.outcome import Outcome


class LosesImages(Stage):
    """Takes all images out and says nothing of them."""

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        yield from (doc.without(image.position for image in doc.images) for doc in docs)
