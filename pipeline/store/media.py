"""Reads the media bytes of documents back from the blob files in which units stored them."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache

from interloom.pipeline.errors import DamageError
from interloom.pipeline.store import storage
from interloom.pipeline.store.damage import missing_named
from interloom.schemas.document import Blob, Document, Element, Media

_READERS = 16  # concurrent range reads from object storage


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_READERS, thread_name_prefix="media")


def with_media(run: str, docs: Sequence[Document]) -> list[Document]:
    """The documents with their media bytes loaded; each content is read once, objects in parallel.

    Raises DamageError if bytes are not those that were stored.
    """
    wanted = {e.blob for doc in docs for e in doc.elements if isinstance(e, Media) and e.data is None and e.blob is not None}
    if not wanted:
        return list(docs)
    blobs = sorted(wanted, key=lambda blob: (blob.path, blob.offset))
    contents: dict[Blob | None, bytes] = dict(zip(blobs, _read_all(run, blobs), strict=True))
    return [doc.with_elements(_with_data(e, contents) for e in doc.elements) for doc in docs]


def _with_data(element: Element, contents: Mapping[Blob | None, bytes]) -> Element:
    if isinstance(element, Media) and element.data is None and element.blob is not None:
        return replace(element, data=contents[element.blob])
    return element


def _read_all(run: str, blobs: Sequence[Blob]) -> Iterator[bytes]:
    def read(blob: Blob) -> bytes:
        path = blob.path if "://" in blob.path or blob.path.startswith("/") else storage.join(run, blob.path)
        with missing_named(path):
            data = storage.read_range(path, blob.offset, blob.size)
        if blob.crc32 is not None and zlib.crc32(data) != blob.crc32:
            raise DamageError(path, f"checksum of {blob.size} bytes at {blob.offset}")
        return data

    return _pool().map(read, blobs) if storage.is_remote(run) else map(read, blobs)
