"""What shards say of themselves where their index does not: of runs of earlier versions, or if a file of the index is lost."""

from __future__ import annotations

import io
import json
import tarfile
import warnings
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from interloom.pipeline.errors import ConfigError
from interloom.pipeline.store import storage
from interloom.schemas.sample_index import Rows
from interloom.schemas.shard_index import ShardEntry

MANIFEST = "manifest.json"
PARQUET = ".parquet"
_END_OF_MANIFEST = 64 << 10
"""Bytes of a manifest that are read: it may be long, and the index says what is in it. Our choice."""


def rows_of_parquet(path: str, size: int) -> Rows:
    """The row groups of a Parquet file, by its footer."""
    from interloom.loader.row_groups import ParquetFile, rows_of_groups

    groups = rows_of_groups(ParquetFile(path, size, partial(storage.read_range, path)))
    unknown = np.zeros(sum(groups), np.uint8)
    return Rows(unknown, unknown, [0] * (sum(groups) + 1), [], [], [], [], groups)


def rows_of_tar(content: bytes) -> Rows:
    """Where the samples of a tar lie, by its headers: successive members that have a name in common up to the first dot."""
    first, offsets, sizes, codes, suffixes = [0], list[int](), list[int](), list[int](), dict[str, int]()
    last = None
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as tar:
        for member in tar:
            key, _, suffix = member.name.rpartition("/")[2].partition(".")
            if last is not None and key != last:
                first.append(len(sizes))
            last = key
            offsets.append(member.offset_data)
            sizes.append(member.size)
            codes.append(suffixes.setdefault(suffix, len(suffixes)))
    first += [len(sizes)] if sizes else []
    unknown = np.zeros(len(first) - 1, np.uint8)
    return Rows(unknown, unknown, first, offsets, sizes, codes, list(suffixes))


def check_manifest(url: str) -> None:
    """Raises ConfigError if shards have no manifest, which is written last, or it is cut or of something else. Of a long one only
    the end is read."""
    path = storage.join(url, MANIFEST)
    if not storage.exists(path):
        raise ConfigError(f"{url}: no finished shards here (no {MANIFEST}); give the folder to which a sink wrote")
    [manifest] = storage.glob(path)
    length = min(manifest.size, _END_OF_MANIFEST)
    end = storage.read_range(path, manifest.size - length, length)
    try:
        is_whole = end.rstrip().endswith(b"}") and (length < manifest.size or "shards" in json.loads(end))
    except ValueError:
        is_whole = False
    if not is_whole:
        raise ConfigError(f"{path}: it is no manifest of finished shards, or it is cut; `interloom run` writes it again")


def entries_of_manifest(url: str) -> list[ShardEntry]:
    """The shards of a run of an earlier version, by its manifest."""
    check_manifest(url)
    manifest = json.loads(storage.read(storage.join(url, MANIFEST)))
    warnings.warn(f"{url}: an earlier version wrote these shards, without an index; opening them is slow", stacklevel=2)
    counts = _samples(url)
    return [_entry(url, shard, counts) for shard in manifest["shards"]]


def _entry(url: str, shard: Mapping[str, Any], counts: Mapping[str, int]) -> ShardEntry:
    file = shard["files"][0]
    samples = counts.get(file["name"], 0) if counts else shard["documents"]
    if file["name"].endswith(PARQUET):
        samples = len(rows_of_parquet(storage.join(url, file["name"]), file["size_bytes"]).domain)
    return ShardEntry(file["name"], file["size_bytes"], file["sha256"], samples)


def _samples(url: str) -> Mapping[str, int]:
    """The number of samples of each shard that has some, by Energon's index."""
    path = storage.join(url, ".nv-meta", ".info.json")
    counts: Mapping[str, int] = json.loads(storage.read(path))["shard_counts"] if storage.exists(path) else {}
    return counts
