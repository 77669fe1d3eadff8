"""Writes the folder `.nv-meta` of Megatron-Energon, so that its loader reads the shards without a preparing pass.

The format is that of its documentation ("Dataset Format on Disk") and, for the index, of its `SqliteIndexWriter`.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import yaml

FOLDER = ".nv-meta"

_LOADER = "sample_loader.py"
_SAMPLES: Mapping[str, Mapping[str, Any]] = {
    "interleaved": {
        "sample_type": {"__module__": "megatron.energon", "__class__": "InterleavedSample"},
        "part_filter": f"{_LOADER}:part_filter",
        "sample_loader": f"{_LOADER}:sample_loader",
    },
    "pairs": {
        "sample_type": {"__module__": "megatron.energon", "__class__": "CaptioningSample"},
        "field_map": {"image": "jpg,png,webp,gif,bmp,tif", "caption": "txt"},
    },
    "text": {
        "sample_type": {"__module__": "megatron.energon", "__class__": "TextSample"},
        "field_map": {"text": "txt"},
    },
}
_TABLES = (
    "CREATE TABLE samples (tar_file_id INTEGER, sample_key TEXT, sample_index INTEGER, byte_offset INTEGER, byte_size INTEGER)",
    "CREATE TABLE sample_parts (tar_file_id INTEGER, sample_index INTEGER, part_name TEXT, content_byte_offset INTEGER, "
    "content_byte_size INTEGER)",
)
_INDEXES = (
    "CREATE INDEX idx_samples_sample_key ON samples(sample_key)",
    "CREATE INDEX idx_samples_by_tar_and_idx ON samples(tar_file_id, sample_index)",
    "CREATE INDEX idx_sample_parts_seq ON sample_parts(tar_file_id, sample_index, content_byte_offset)",
    "CREATE INDEX idx_sample_parts_full ON sample_parts(tar_file_id, sample_index, part_name, content_byte_offset, "
    "content_byte_size)",
)

Index = Sequence[tuple[str, int, int, Sequence[tuple[str, int, int]]]]
"""The index of one shard: key, offset, size and members of each sample; suffix, offset and size of each member. Bytes."""


def write_meta(folder: Path, layout: str, counts: Mapping[str, int]) -> list[str]:
    """Writes the files that the loader needs to stream the shards, and returns their names.

    Parameters:
        folder: The folder of the shards.
        layout: "interleaved", "pairs" or "text".
        counts: The number of samples of each shard, by its file name.
    """
    meta = folder / FOLDER
    meta.mkdir(parents=True, exist_ok=True)
    info = {"shard_counts": dict(counts)}
    files = {
        ".info.json": json.dumps(info, indent=2) + "\n",
        ".info.yaml": yaml.safe_dump(info),
        "dataset.yaml": yaml.safe_dump(dict(_SAMPLES[layout])),
        "split.yaml": yaml.safe_dump({"exclude": [], "split_parts": {"train": list(counts), "val": [], "test": []}}),
    }
    if layout == "interleaved":
        files[_LOADER] = Path(__file__).with_name("energon_loader.py").read_text()
    for name, text in files.items():
        (meta / name).write_text(text)
    return [f"{FOLDER}/{name}" for name in sorted(files)]


def write_index(folder: Path, indexes: Iterable[Index]) -> list[str]:
    """Writes the database of all samples and members, for access by key, and an id that changes with it.

    Returns the names of the files.

    Parameters:
        folder: The folder of the shards.
        indexes: The index of each shard, in the order of `counts` of `write_meta`.
    """
    path = folder / FOLDER / "index.sqlite"
    digest = hashlib.sha256()
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = OFF")
        for statement in _TABLES:
            database.execute(statement)
        for shard, index in enumerate(indexes):
            digest.update(json.dumps(index).encode())
            _insert(database, shard, index)
        for statement in _INDEXES:
            database.execute(statement)
        database.commit()
    (folder / FOLDER / "index.uuid").write_text(str(uuid.UUID(bytes=digest.digest()[:16], version=4)))
    return [f"{FOLDER}/index.sqlite", f"{FOLDER}/index.uuid"]


def _insert(database: sqlite3.Connection, shard: int, index: Index) -> None:
    samples = ((shard, key, number, offset, size) for number, (key, offset, size, _) in enumerate(index))
    database.executemany("INSERT INTO samples VALUES (?, ?, ?, ?, ?)", samples)
    parts = ((shard, number, *part) for number, (_, _, _, members) in enumerate(index) for part in members)
    database.executemany("INSERT INTO sample_parts VALUES (?, ?, ?, ?, ?)", parts)
