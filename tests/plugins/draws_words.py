"""A step that brings images that look alike."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document, Image
from interloom.schemas.outcome import Outcome


@dataclass(frozen=True, kw_only=True)
class DrawsWords(Stage):
    """Adds an image for each word; perceptual hashes of a word differ by up to two bits each from that of the word alone."""

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        for doc in docs:
            given = doc.labels["source_id"]
            hashes = [f"{self.phash(given, word):016x}" for word in doc.text.split()]
            images = [Image(position=n, phash=one) for n, one in enumerate(hashes, len(doc.elements))]
            yield doc.with_elements((*doc.elements, *images))

    @staticmethod
    def phash(id_: str, word: str) -> int:
        places = blake2b(id_.encode(), digest_size=2).digest()
        return int.from_bytes(blake2b(word.encode(), digest_size=8).digest()) ^ (1 << places[0] % 8) ^ (1 << places[1] % 8)
