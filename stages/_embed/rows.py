"""Rows of the side table `embeddings`: the vectors that steps above stored about the documents at hand, and new rows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from interloom.schemas.document import lineage
from interloom.schemas.outcome import Side
from interloom.stages._embed.stored import Vectors, vectors_in

TABLE = "embeddings"
_PLACE = ("id", "kind", "position", "window", "digest")
"""The columns that say what a row is about; rows of one place, model and revision have the same vector."""


def digest_of(encoded: str) -> int:
    """64 bits of the sha256 of what a model encoded: a text, or the key of an image (the sha256 of its bytes in hex)."""
    return int.from_bytes(hashlib.sha256(encoded.encode("utf-8", "surrogatepass")).digest()[:8], "big")


@dataclass(frozen=True, slots=True)
class Place:
    """What a vector is about: an element of a document, at its `position` (-1: the whole document).

    `window` numbers the vectors of one kind at one position. `start` and `end` are characters of the element's text, None if it
    is all of it.
    """

    kind: str
    position: int
    window: int = 0
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True)
class Embeddings:
    """The vectors that steps above stored with a model, by digest, and where they stored them.

    A vector is found by what was encoded, not by its place, because a step in between may have changed a text.
    """

    model: str
    revision: str
    vectors: Mapping[int, Vectors] = field(default_factory=dict)
    _places: frozenset[tuple[object, ...]] = frozenset()

    @classmethod
    def stored(cls, model: str, revision: str, tables: Sequence[pa.Table]) -> Embeddings:
        """Reads the rows of this model and revision from `tables`, which are rows of the side table about the documents at hand
        and those that they were cut from. Rows without a digest are of no use."""
        vectors: dict[int, Vectors] = {}
        places = set[tuple[object, ...]]()
        for table in (table for table in tables if "digest" in table.column_names):
            same = pc.and_(pc.equal(table["model"], model), pc.equal(table["revision"], revision))
            rows = table.filter(pc.and_(same, pc.is_valid(table["digest"])))
            vectors |= dict(zip(rows["digest"].to_pylist(), vectors_in(rows["vector"]), strict=True))
            places |= set(zip(*(rows[name].to_pylist() for name in _PLACE), strict=True))
        return cls(model, revision, vectors, frozenset(places))

    def row(self, id_: str, place: Place, digest: int, vector: Vectors) -> Iterator[Side]:
        """The row with the vector of a document's part; nothing if it is stored already, with this document or one that it was
        cut from."""
        if any((name, place.kind, place.position, place.window, digest) in self._places for name in lineage(id_)):
            return
        about = {"id": id_, "kind": place.kind, "position": place.position, "window": place.window, "digest": digest}
        span = {"start": place.start, "end": place.end}
        model = {"model": self.model, "revision": self.revision}
        yield Side(TABLE, {**about, **span, **model, "vector": vector.astype("<f2").tobytes()})
