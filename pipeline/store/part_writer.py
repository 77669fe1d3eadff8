"""Stores a unit's documents in parts, their media bytes in blob files, and sketches of each part."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import BinaryIO

import pyarrow as pa

from interloom.pipeline.cost import segments
from interloom.pipeline.store.parts import PART_BYTES, PART_DOCUMENTS, UnitFolder
from interloom.schemas.document import Blob, Document, Element, Media
from interloom.schemas.table import to_table

_Content = tuple[str, int, int]
"""What equal media share: sha256, crc32 and size. A document may claim any sha256; the other two are those of its bytes."""


class PartWriter:
    """Stores documents in parts, in the order given; media bytes go to a blob file of their part, each content once in a unit."""

    def __init__(self, folder: UnitFolder, sketchers: Mapping[str, Callable[[Sequence[Document]], pa.Table]]) -> None:
        self._folder, self._sketchers = folder, sketchers
        self._docs: list[Document] = []
        self._ids: set[str] = set()
        self._bytes = self._parts = 0
        self._stored: dict[_Content, Blob] = {}  # media of earlier parts
        self._pending: dict[_Content, Blob] = {}  # media of this part; their path is known when the blob file is whole
        self._blob: BinaryIO | None = None

    def add(self, docs: Sequence[Document]) -> None:
        for doc in docs:
            if doc.id in self._ids:  # a part names each document once: branches that join may bring it twice
                self._flush()
            self._docs.append(self._with_stored_media(doc))
            self._ids.add(doc.id)
            self._bytes += len(doc.body or b"") + sum(len(text.text) for text in doc.texts)
            if len(self._docs) >= PART_DOCUMENTS or self._bytes >= PART_BYTES:
                self._flush()

    def close(self) -> None:
        """Stores what is left."""
        if self._docs:
            self._flush()

    def _with_stored_media(self, doc: Document) -> Document:
        """The document with its media bytes moved to the blob file."""
        if not any(isinstance(e, Media) and e.data is not None for e in doc.elements):
            return doc
        return doc.with_elements(self._store_media(e) if isinstance(e, Media) else e for e in doc.elements)

    def _store_media(self, media: Media) -> Media:
        if media.data is None or media.blob is not None:
            return replace(media, data=None)
        sha256 = media.sha256 or hashlib.sha256(media.data).hexdigest()
        content = (sha256, zlib.crc32(media.data), len(media.data))
        blob = self._stored.get(content) or self._pending.get(content)
        if blob is None:
            if self._blob is None:
                self._blob = (self._folder.local / f"blob-{self._parts:04d}").open("wb")
            blob = self._pending[content] = Blob("", self._blob.tell(), len(media.data), content[1])
            self._blob.write(media.data)
        return replace(media, sha256=sha256, blob=blob, data=None)

    def _flush(self) -> None:
        self._flush_media()
        number = f"{self._parts:04d}"
        self._folder.store_table("documents", f"documents-{number}.parquet", to_table(self._docs))
        self._folder.stored[-1] = replace(self._folder.stored[-1], segments=tuple(segments(self._docs)))
        for key, sketch in self._sketchers.items():
            self._folder.store_table(f"sketch:{key}", f"sketch-{key}-{number}.parquet", sketch(self._docs))
        self._docs, self._ids, self._bytes, self._parts = [], set(), 0, self._parts + 1

    def _flush_media(self) -> None:
        """Stores the part's blob file, and tells its path to the media that lie in it."""
        if self._blob is None:
            return
        self._blob.close()
        path = self._folder.store_file("blob", self._folder.local / f"blob-{self._parts:04d}", len(self._pending))
        self._docs = [doc.with_elements(_at(e, path) for e in doc.elements) for doc in self._docs]
        self._stored |= {content: replace(blob, path=path) for content, blob in self._pending.items()}
        self._pending, self._blob = {}, None


def _at(element: Element, path: str) -> Element:
    """The element with the path of its blob, if that was not known."""
    if isinstance(element, Media) and element.blob is not None and not element.blob.path:
        return replace(element, blob=replace(element.blob, path=path))
    return element
