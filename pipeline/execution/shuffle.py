"""Shuffling documents into shards: a global order by hash of seed and id, cut by bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from interloom.schemas.document import Document, Media, Text

_ELEMENT_BYTES = 200  # about what an element takes besides its text and media


def sketch(docs: Sequence[Document], seed: int) -> pa.Table:
    """For each document its id, its place in the global order (a hash of seed and id), about how many bytes it takes in a shard,
    and its number of images."""
    keys = [int.from_bytes(hashlib.blake2b(f"{seed}:{doc.id}".encode(), digest_size=8).digest()) for doc in docs]
    columns = {
        "id": pa.array([doc.id for doc in docs], pa.string()),
        "key": pa.array(keys, pa.uint64()),
        "size_bytes": pa.array([_size(doc) for doc in docs], pa.int64()),
        "images": pa.array([len(doc.images) for doc in docs], pa.int32()),
    }
    return pa.table(columns)


def _size(doc: Document) -> int:
    texts = sum(len(e.text.encode()) for e in doc.elements if isinstance(e, Text))
    media = sum(e.blob.size for e in doc.elements if isinstance(e, Media) and e.blob is not None)
    return texts + media + _ELEMENT_BYTES * (1 + len(doc.elements))


def cut_shards(sizes: npt.NDArray[np.int64], shard_size: int) -> npt.NDArray[np.int64]:
    """The shard of each document: a new one begins where the bytes so far pass a multiple of the shard size.

    Sizes 40 40 40 40 with a shard size of 100 -> shards 0 0 0 1. Shards are numbered without gaps.
    """
    before = np.cumsum(sizes) - sizes
    _, shard = np.unique(before // shard_size, return_inverse=True)
    return np.asarray(shard, np.int64)
