"""A step whose outcome is another one each time, as that of a fetch over HTTP may be."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document, Image
from interloom.schemas.outcome import Drop, Dropped, Outcome


@dataclass(frozen=True, kw_only=True)
class DiffersEachTime(Stage):
    """Adds an image of random bytes and scores `random`; drops the last document with a reason of its own."""

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        for doc in docs[:-1]:
            image = Image(position=len(doc.elements), data=os.urandom(8), format="png")
            yield replace(doc, elements=(*doc.elements, image)).with_score("random", float(os.urandom(1)[0]))
        yield Dropped(docs[-1].id, Drop(f"because_{os.urandom(2).hex()}"))
