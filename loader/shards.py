"""A folder of finished shards: what its index says, and where the samples of a shard lie."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial

import numpy as np

from interloom.loader.order import Numbers
from interloom.loader.without_index import PARQUET, check_manifest, entries_of_manifest, rows_of_parquet, rows_of_tar
from interloom.pipeline.errors import ConfigError, DamageError, described
from interloom.pipeline.store import storage
from interloom.schemas.sample_index import Rows, rows_name, unpack_rows
from interloom.schemas.shard_index import SHARDS, ShardIndex, pack_shards
from interloom.schemas.split_buckets import BUCKETS

_log = logging.getLogger("interloom.loader")
_SHARDS_IN_MEMORY = 64
"""Shards of a source whose places of samples are held in memory, or two windows if these are more. Our choice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """A part of the data that is told by a hash, so that it stays the same when data are added.

    Parameters:
        part: "train" or "validation".
        validation: How much of the data validates; a power of two, from 1/2 to 2**-15. Default 1/128, our choice.
        by: "domain": pages of one registrable domain are in one part; "document": the parts of one document are, with the
            documents whose label `duplicate_of` names it. Default "domain".
    """

    part: str = "train"
    validation: float = 1 / 128
    by: str = "domain"

    @property
    def bucket(self) -> int:
        """The first bucket of hashes that validates."""
        return round(-float(np.log2(self.validation)))

    def problem(self) -> str:
        """What is wrong with it; else empty."""
        if self.part not in ("train", "validation"):
            return f"split: part is 'train' or 'validation', not '{self.part}'"
        if self.by not in ("domain", "document"):
            return f"split: by is 'domain' or 'document', not '{self.by}'"
        if self.validation not in [2.0**-power for power in range(1, BUCKETS)]:
            return f"split: validation is a power of two from 1/2 to 1/{2 ** (BUCKETS - 1)}, not {self.validation}"
        return ""


class ShardFolder:
    """The shards of a source.

    Parameters:
        url: The folder with their manifest, local or `s3://`.
        split: The part of the data that is read; null: all.
        window: Shards whose samples are read together.
    """

    def __init__(self, url: str, split: Split | None = None, window: int = 0) -> None:
        if split is not None and (problem := split.problem()):
            raise ConfigError(problem)
        self.url, self.split, self._window = url.rstrip("/"), split, window
        in_memory = max(_SHARDS_IN_MEMORY, 2 * window)
        self.rows = lru_cache(maxsize=in_memory)(self._rows)
        self.path = lru_cache(maxsize=in_memory)(self._path)

    def __reduce__(self) -> tuple[type[ShardFolder], tuple[str, Split | None, int]]:
        return ShardFolder, (self.url, self.split, self._window)

    @cached_property
    def index(self) -> ShardIndex:
        """The index of shards; of a run of an earlier version it is made of the manifest."""
        path = storage.join(self.url, SHARDS)
        try:
            if storage.exists(path):
                return ShardIndex.opened(partial(storage.read_range, path))
            content = pack_shards(entries_of_manifest(self.url))
            return ShardIndex.opened(lambda offset, size: content[offset : offset + size])
        except (ValueError, LookupError, TypeError, FileNotFoundError, DamageError) as error:
            raise ConfigError(f"{path}: cannot be read ({described(error)}); `interloom run` writes it again") from error

    @cached_property
    def names(self) -> Sequence[str]:
        """The names of the shards."""
        return self.index.names()

    def check(self) -> None:
        """Raises ConfigError if there are no finished shards here that the loader reads."""
        check_manifest(self.url)
        if len(self.names) and not self.names[0].endswith((".tar", PARQUET)):
            raise ConfigError(
                f"{self.path(0)}: the loader reads tar and Parquet shards; write them with stages.write_webdataset or "
                "stages.write_parquet"
            )
        if self.is_parquet:
            importlib.import_module("interloom.loader.row_groups")  # here, not while the first sample is waited for

    @cached_property
    def is_remote(self) -> bool:
        """Whether the shards lie in a store."""
        return storage.is_remote(self.url)

    @cached_property
    def is_parquet(self) -> bool:
        """Whether the shards are Parquet files, which are read by row groups."""
        return len(self.names) > 0 and self.names[0].endswith(PARQUET)

    @cached_property
    def sizes(self) -> Numbers:
        """The sizes of the shards. Bytes."""
        return self.index.sizes()

    @cached_property
    def has_rows(self) -> Sequence[bool]:
        """Whether the places of a shard's samples are known without reading it."""
        return [bool(known) for known in self.index.has_rows()]

    @cached_property
    def counts(self) -> Numbers:
        """The number of samples of each shard, of the part of the data that is read."""
        counts = self.index.counts()
        if self.split is None:
            return counts
        if not self.index.has_buckets()[counts > 0].all():
            raise ConfigError(f"{self.url}: an earlier version wrote these shards, without hashes for a split; run again")
        validating: Numbers = self.index.buckets(self.split.by)[:, self.split.bucket :].sum(axis=1)
        return validating if self.split.part == "validation" else counts - validating

    def _path(self, shard: int) -> str:
        """The path of a shard."""
        return storage.join(self.url, self.names[shard])

    def groups(self, shard: int) -> Sequence[int] | None:
        """The number of samples of each row group of a shard, of the part that is read; null for a tar."""
        if not self.is_parquet:
            return None
        try:
            rows, numbers = self.rows(shard)
        except DamageError as error:
            _log.warning("%s; the samples of the shard are left out", error)
            return [int(self.counts[shard])]
        ends = np.searchsorted(numbers, np.cumsum(rows.groups)) if len(rows.groups) else np.zeros(0, np.int64)
        counts: list[int] = np.diff(ends, prepend=0).tolist()
        return counts

    def _rows(self, shard: int) -> tuple[Rows, Sequence[int]]:
        """Where the samples of a shard lie, and the numbers of those of the part that is read."""
        if not self.has_rows[shard]:
            rows = self._rows_of_file(shard)
            return rows, range(len(rows.first) - 1)
        path = storage.join(self.url, rows_name(self.names[shard]))
        try:
            rows = unpack_rows(storage.read(path), (self.names[shard], int(self.sizes[shard])))
        except (ValueError, FileNotFoundError) as error:
            if self.split is not None:  # a shard does not tell the hashes
                raise DamageError(path, "it is missing" if isinstance(error, FileNotFoundError) else str(error)) from error
            _log.warning("%s: cannot be read (%s); the shard is asked instead", path, described(error))
            rows = self._rows_of_file(shard)
        if self.split is None:
            return rows, range(len(rows.first) - 1)
        validates = (rows.domain if self.split.by == "domain" else rows.document) >= self.split.bucket
        return rows, np.flatnonzero(validates == (self.split.part == "validation")).tolist()

    def _rows_of_file(self, shard: int) -> Rows:
        """Where the samples of a shard lie, as the shard itself says."""
        path = self.path(shard)
        return rows_of_parquet(path, int(self.sizes[shard])) if self.is_parquet else rows_of_tar(storage.read(path))
