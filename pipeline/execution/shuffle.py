"""Shuffling documents into shards: a global order by hash of seed and id, cut by bytes."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from interloom.pipeline.exchange_rows import NODE_BITS
from interloom.pipeline.store.merging import KEY, ORDER, column

SIZE, IMAGES = "size_bytes", "images"
"""Columns of rows on their way to a sink: about how many bytes a document takes in a shard, and its number of images."""
WEIGHTS = (SIZE, IMAGES)
INDEX = (KEY, ORDER, *WEIGHTS)
_ELEMENT_BYTES = 200  # about what an element takes besides its text and media


def with_order(docs: pa.Table, seed: int, part: int, first_row: int = 0) -> pa.Table:
    """A table of documents (`schemas.columns.SCHEMA`) with the columns INDEX.

    `key` is a hash of seed and id. `order` decides between equal keys: the place of the document in the input.

    Parameters:
        docs: The documents, rows of one part.
        seed: The seed of the shuffle.
        part: The ordinal of the part.
        first_row: The number of the first row in the part.
    """
    keys = [document_key(seed, id_) for id_ in docs["id"].to_pylist()]
    order = (part << NODE_BITS) + first_row + np.arange(docs.num_rows, dtype=np.int64)
    sizes, images = _sizes(docs)
    columns = {KEY: np.array(keys, np.uint64), ORDER: order, SIZE: sizes, IMAGES: images}
    for name, values in columns.items():
        docs = docs.append_column(name, pa.array(values))
    return docs


def document_key(seed: int, id_: str) -> int:
    """The key of a document in the shuffle: a hash of seed and id."""
    return int.from_bytes(hashlib.blake2b(f"{seed}:{id_}".encode(), digest_size=8).digest())


def _sizes(docs: pa.Table) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Of each document about how many bytes it takes in a shard, and its number of images."""
    lists = docs["elements"].combine_chunks()
    elements = lists.flatten()
    offsets = lists.offsets.to_numpy() - (lists.offsets[0].as_py() if len(lists) else 0)
    kind, text, blob = (elements.field(elements.type.get_field_index(name)) for name in ("kind", "text", "blob_size"))
    weight = pc.add(pc.fill_null(pc.binary_length(text), 0), pc.fill_null(blob, 0)).to_numpy(zero_copy_only=False)
    is_image = pc.equal(kind, "image").to_numpy(zero_copy_only=False)
    return _sums(weight + _ELEMENT_BYTES, offsets) + _ELEMENT_BYTES, _sums(is_image, offsets)


def _sums(values: npt.NDArray[np.generic], offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The sum of each list: values [1, 2, 3], offsets [0, 2, 2, 3] -> [3, 0, 3]."""
    before = np.concatenate([[0], np.cumsum(values, dtype=np.int64)])
    sums: npt.NDArray[np.int64] = before[offsets[1:]] - before[offsets[:-1]]
    return sums


class Copies:
    """Gives documents with the same id ids of their own, because shards are keyed by them: the second `a` becomes `a#copy1`.

    Branches that join bring a document twice, and sources of a recipe may read files of the same name.
    """

    def __init__(self) -> None:
        self._key = -1
        self._counts: dict[str, int] = {}  # of the ids with this key

    def renamed(self, rows: pa.Table) -> pa.Table:
        """The rows of a range with their new ids; rows come in the order of their keys, so equal ids follow each other."""
        ids: list[str] = rows["id"].to_pylist()
        given = list(ids)
        for n, key in enumerate(column(rows, KEY).tolist()):
            if key != self._key:
                self._key, self._counts = key, {}
            copy = self._counts.get(ids[n], 0)
            self._counts[ids[n]] = copy + 1
            given[n] = f"{ids[n]}#copy{copy}" if copy else ids[n]
        if given == ids:
            return rows
        return rows.set_column(rows.column_names.index("id"), "id", pa.array(given, pa.string()))


def raw_shards(sizes: npt.NDArray[np.int64], before: int, shard_size: int) -> npt.NDArray[np.int64]:
    """The shard of each document before shards are numbered without gaps: a new one begins where the bytes so far pass a multiple
    of the shard size.

    Sizes 40 40 40 40, nothing before, a shard size of 100 -> shards 0 0 0 1.
    """
    return (np.cumsum(sizes) - sizes + before) // shard_size


def runs(values: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    """Each value of an ascending array with how often it occurs: [3, 3, 5] -> [(3, 2), (5, 1)]."""
    distinct, counts = np.unique(values, return_counts=True)
    return list(zip(distinct.tolist(), counts.tolist(), strict=True))
