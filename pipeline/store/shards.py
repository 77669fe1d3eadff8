"""A sink's shards: where they go, and what the manifest says of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from interloom.pipeline.stage import ShardInfo, Sink
from interloom.pipeline.store import storage
from interloom.pipeline.store.parts import sha256_of
from interloom.schemas.sample_index import rows_name
from interloom.schemas.shard_index import ShardEntry


@dataclass(frozen=True, slots=True)
class ShardFile:
    """A published file of a shard; `name` is relative to the sink's folder."""

    name: str
    size_bytes: int
    sha256: str


def described(file: Path, name: str) -> ShardFile:
    """What a manifest says of this local file once it is published under this name."""
    return ShardFile(name, file.stat().st_size, sha256_of(file))


@dataclass(frozen=True, slots=True)
class WrittenShard:
    """A published shard: its files (the first is the shard itself), what is in it, and what the sink's `finish` needs of it.
    `facts` counts its documents by language and by licence."""

    files: tuple[ShardFile, ...]
    documents: int
    images: int
    extra: Mapping[str, Any]
    facts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> WrittenShard:
        files = tuple(ShardFile(**file) for file in values["files"])
        return cls(files, values["documents"], values["images"], values["extra"], values.get("facts", {}))

    def entry(self) -> ShardEntry:
        """The shard as the index of shards has it."""
        shard, names = self.files[0], {file.name for file in self.files}
        samples, has_rows = self.extra.get("samples", self.documents), rows_name(shard.name) in names
        return ShardEntry(shard.name, shard.size_bytes, shard.sha256, samples, has_rows, self.extra.get("buckets", ()))

    def info(self) -> ShardInfo:
        """The shard as the sink described it."""
        return ShardInfo(tuple(file.name for file in self.files), self.documents, self.images, self.extra)


def sink_folder(run: str, key: str, sink: Sink) -> str:
    """Where a sink's shards go: to what the recipe says, else to a folder of the run with the step's name."""
    return sink.to.rstrip("/") if sink.to else storage.join(run, key)


def publish(info: ShardInfo, local: Path, target: str, allow: Callable[[], object]) -> WrittenShard:
    """Moves a shard's files from the local folder to the target folder, as long as `allow` does not raise."""
    files = []
    for name in info.files:
        file = local / name
        files.append(described(file, name))
        storage.write_if(storage.join(target, name), file, allow)
        file.unlink()
    return WrittenShard(tuple(files), info.documents, info.images, info.extra)
