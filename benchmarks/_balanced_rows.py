"""Makes sketches of steps that balance: pictures in clusters, texts with entries, documents in groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from interloom.pipeline.store.parts import PART_DOCUMENTS, StoredFile, UnitFolder
from interloom.stages._dedup.duplicates import hash64

CLUSTERS = 1_000_000
ENTRIES = 500_000
_LANGUAGES = 100
_SKEW = 3
"""Number n of N occurs in proportion to n ** (1 / 3 - 1): of a million clusters the largest has 1 % of the rows, the median 40
millionths of that."""
_MOST_PICTURES = 6
_MOST_ENTRIES = 8

Random = np.random.Generator


def sketches(folder: Path, use: str, count: int) -> list[StoredFile]:
    """Stores about `count` rows as sketches of the step in the run `folder/run`, for parts of 1,000 documents each."""
    random, key, sent = np.random.default_rng(5), use.rpartition(".")[2], 0
    stored = UnitFolder(str(folder / "run"), f"work/{key}-rows")
    for number in range(count):
        table = _MAKERS[use](random, PART_DOCUMENTS)
        stored.store_table(f"sketch:{key}", f"sketch-{number:06}.parquet", table)
        sent += table.num_rows
        if sent >= count:
            break
    stored.close()
    return list(stored.stored)


def _skewed(random: Random, most: int, count: int) -> np.ndarray:
    """Numbers below `most`, of which the first are the most frequent."""
    return (most * random.random(count) ** _SKEW).astype(np.int64)


def _documents(random: Random, count: int) -> dict[str, np.ndarray]:
    digits = random.bytes(16 * count).hex()
    hashes = {name: random.integers(0, 1 << 64, count, np.uint64) for name in ("draw", "tie")}
    return {"id": np.array([digits[first : first + 32] for first in range(0, len(digits), 32)]), **hashes}


def _in_clusters(random: Random, count: int) -> pa.Table:
    pictures = random.integers(0, _MOST_PICTURES + 1, count)
    docs = {name: np.repeat(values, pictures) for name, values in _documents(random, count).items()}
    rows = int(pictures.sum())
    positions = np.arange(rows) - np.repeat(np.cumsum(pictures) - pictures, pictures)
    columns = {
        "position": positions.astype(np.int32),
        "cluster": _skewed(random, CLUSTERS, rows),
        "count": np.ones(rows, np.int64),
    }
    return pa.table({"id": docs["id"], **columns, "draw": docs["draw"], "tie": docs["tie"]})


def _with_entries(random: Random, count: int) -> pa.Table:
    docs, entries = _documents(random, count), random.integers(0, _MOST_ENTRIES + 1, count)
    offsets = np.concatenate([[0], np.cumsum(entries)]).astype(np.int32)
    numbers = pa.array(_skewed(random, ENTRIES, int(offsets[-1])).astype(np.int32))
    lists = pa.ListArray.from_arrays(pa.array(offsets), numbers)
    return pa.table({"id": docs["id"], "position": np.full(count, -1, np.int32), "draw": docs["draw"], "entries": lists})


def _in_groups(random: Random, count: int) -> pa.Table:
    docs, languages = _documents(random, count), _skewed(random, _LANGUAGES, count)
    hashes = np.array([hash64(str(language)) for language in range(_LANGUAGES)], np.uint64)
    columns = {"group": hashes[languages], "name": languages.astype(str), "size": np.ones(count, np.int64)}
    return pa.table({"id": docs["id"], **columns, "draw": docs["draw"]})


_MAKERS: Mapping[str, Callable[[Random, int], pa.Table]] = {
    "stages.balance_clusters": _in_clusters,
    "stages.balance_entries": _with_entries,
    "stages.mix": _in_groups,
}
