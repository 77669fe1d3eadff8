"""Makes vectors in topics, with planted neighbours of queries: as sketches that `retrieve_texts` stored for parts of documents,
and as arrays for others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from interloom.pipeline.store.parts import StoredFile, UnitFolder
from interloom.stages._dedup.splitmix import hashed
from interloom.stages._embed.stored import column_of

Floats = npt.NDArray[np.float32]

WIDTH = 256
TOPICS = 3000
PART_ROWS = 5000
"""Rows of a sketch: a thousand documents of five sentences."""
_NOISE = 1.0
"""Length of what a vector has beside its topic, which has length 1: two of a topic have a cosine similarity of about 0.5."""
_PLANTED_NOISE = 0.3
"""The same of a planted neighbour beside its query: a cosine similarity of about 0.96."""
_SKEW = 0.8
"""Topics have sizes in proportion to rank ** -_SKEW."""


def write(folder: Path, items: int, queries: int, seed: int = 5) -> None:
    """Writes the sketches into the run `folder/run`, listed in `folder/sketches.json`, and the vectors as `folder/items.npy` and
    `folder/queries.npy` (float16). Item n is planted beside query n, for all queries but at most a tenth of the items."""
    random = np.random.default_rng(seed)
    topics = _unit(random.standard_normal((TOPICS, WIDTH), np.float32))
    shares = np.arange(1, TOPICS + 1) ** -_SKEW
    shares /= shares.sum()
    query_vectors = _drawn(random, topics, shares, queries)
    item_vectors = np.concatenate([_drawn(random, topics, shares, some) for some in _pieces(items)])
    planted = planted_count(items, queries)
    noise = _unit(random.standard_normal((planted, WIDTH), np.float32)) * np.float32(_PLANTED_NOISE)
    item_vectors[:planted] = _unit(query_vectors[:planted].astype(np.float32) + noise)
    np.save(folder / "items.npy", item_vectors)
    np.save(folder / "queries.npy", query_vectors)
    write_sketches(folder)


def planted_count(items: int, queries: int) -> int:
    """How many queries have a planted neighbour."""
    return min(queries, items // 10)


def _pieces(count: int, size: int = 50_000) -> Iterator[int]:
    for first in range(0, count, size):
        yield min(size, count - first)


def _unit(vectors: Floats) -> Floats:
    lengths: Floats = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / lengths


def _drawn(random: np.random.Generator, topics: Floats, shares: npt.NDArray[np.float64], count: int) -> npt.NDArray[np.float16]:
    noise = _unit(random.standard_normal((count, WIDTH), np.float32)) * np.float32(_NOISE)
    return _unit(topics[random.choice(len(topics), count, p=shares)] + noise).astype(np.float16)


def write_sketches(folder: Path, part_rows: int = PART_ROWS) -> None:
    """Each row is a document of its own; the id tells whether it is an item or a query, and its number. Rows are mixed."""
    items, queries = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("items", "queries"))
    stored = UnitFolder(str(folder / "run"), "work/rows")
    order = np.random.default_rng(1).permutation(len(items) + len(queries))
    for number, first in enumerate(range(0, len(order), part_rows)):
        rows = order[first : first + part_rows]
        is_item = rows < len(items)
        numbers = np.where(is_item, rows, rows - len(items))
        vectors = np.where(is_item[:, None], items[numbers * is_item], queries[numbers * ~is_item])
        stored.store_table("sketch:retrieve_texts", f"sketch-{number:06}.parquet", _sketch(is_item, numbers, vectors))
    stored.close()
    (folder / "sketches.json").write_text(json.dumps([file.to_json() for file in stored.stored]))


def _sketch(is_item: npt.NDArray[np.bool_], numbers: npt.NDArray[np.int64], vectors: npt.NDArray[np.float16]) -> pa.Table:
    """The columns of a sketch of `retrieve_texts`, with texts of 80 characters."""
    count = len(numbers)
    ids = [f"{'item' if is_given_item else 'query'}{number:012}" for is_given_item, number in zip(is_item, numbers, strict=True)]
    digits = np.random.default_rng(int(numbers[0])).bytes(40 * count).hex()
    owner, content, tie = (hashed(numbers * 8 + is_item * 4 + what) for what in range(3))
    columns = {
        "id": ids,
        "position": pa.array(np.zeros(count, np.int32)),
        "window": pa.array(np.zeros(count, np.int32)),
        "start": pa.nulls(count, pa.int32()),
        "end": pa.nulls(count, pa.int32()),
        "text": pa.array([digits[first : first + 80] for first in range(0, len(digits), 80)], pa.large_string()),
        "owner": owner,
        "content": content,
        "is_query": ~is_item,
        "is_base": is_item,
        "tie": tie,
        "model": np.ones(count, np.uint64),
        "vector": column_of(vectors),
    }
    return pa.table(columns)


def sketches(folder: Path) -> tuple[StoredFile, ...]:
    return tuple(map(StoredFile.from_json, json.loads((folder / "sketches.json").read_text())))
