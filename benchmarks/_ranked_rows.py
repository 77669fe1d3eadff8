"""Makes rows with scores and groups: as sketches that `select_top` stored for parts of documents, and as files for others."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from interloom.pipeline.store.parts import PART_DOCUMENTS, StoredFile, UnitFolder

_FILES = 64
"""Files for others."""
_GROUP_SKEW = 1.3
"""Exponent of the zeta distribution of groups: the largest holds a quarter of the rows, and many hold one."""


def write(folder: Path, count: int, seed: int = 5) -> None:
    """Writes `count` rows: the sketches into the run `folder/run`, listed in `folder/sketches.json`, and the same rows into
    `folder/rows`."""
    random = np.random.default_rng(seed)
    stored = UnitFolder(str(folder / "run"), "work/rows")
    (folder / "rows").mkdir()
    waiting: list[pa.Table] = []
    for number, first in enumerate(range(0, count, PART_DOCUMENTS)):
        table = _rows(random, min(PART_DOCUMENTS, count - first))
        stored.store_table("sketch:select_top", f"sketch-{number:06}.parquet", table)
        waiting.append(table)
        if sum(map(len, waiting)) >= count / _FILES or first + PART_DOCUMENTS >= count:
            pq.write_table(pa.concat_tables(waiting), folder / "rows" / f"{number:06}.parquet", compression="zstd")
            waiting = []
    stored.close()
    (folder / "sketches.json").write_text(json.dumps([file.to_json() for file in stored.stored]))


def _rows(random: np.random.Generator, count: int) -> pa.Table:
    """The columns of a sketch of `select_top`. One score of four is 0, so that there are ties."""
    digits = random.bytes(16 * count).hex()
    groups = random.zipf(_GROUP_SKEW, count).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    columns = {
        "id": [digits[first : first + 32] for first in range(0, len(digits), 32)],
        "position": np.full(count, -1, np.int32),
        "score": np.maximum(random.uniform(-1 / 3, 1, count), 0),
        "draw": random.integers(0, 1 << 64, count, np.uint64),
        "group": groups,
        "size": np.ones(count, np.int64),
    }
    return pa.table(columns)


def sketches(folder: Path) -> tuple[StoredFile, ...]:
    return tuple(map(StoredFile.from_json, json.loads((folder / "sketches.json").read_text())))
