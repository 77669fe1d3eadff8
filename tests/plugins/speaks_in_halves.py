"""A step that makes text no encoding can hold."""

from collections.abc import Iterator, Sequence

from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document
from interloom.schemas.outcome import Outcome


class SpeaksInHalves(Stage):
    """Gives every document half of a surrogate pair as its title, and fails on one in such words."""

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        for doc in docs:
            if doc.source.url.endswith("-7"):
                raise ValueError("\ud83d is half of something")
            yield doc.with_labels(title="\ud83d")
