"""Writes documents as shards with the index of the loader."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from itertools import count, islice
from pathlib import Path

from interloom.pipeline.stage import Sink
from interloom.pipeline.store.shards import WrittenShard, described
from interloom.schemas.document import Document
from interloom.schemas.shard_index import SHARDS, pack_shards
from interloom.stages.write_webdataset import WriteWebdataset


def write(folder: Path, documents: Iterable[Document], per_shard: int, sink: Sink | None = None) -> None:
    """Shards of so many documents each; tars, if no sink is given."""
    sink, shards, rest = sink or WriteWebdataset(), [], iter(documents)
    for number in count():
        some = list(islice(rest, per_shard))
        if not some:
            break
        info = sink.write(number, some, folder)
        files = tuple(described(folder / name, name) for name in info.files)
        shards.append(WrittenShard(files, info.documents, info.images, info.extra))
    sink.finish([shard.info() for shard in shards], folder)
    manifest = {"shards": [{"files": [asdict(file) for file in shard.files], "documents": shard.documents} for shard in shards]}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / SHARDS).write_bytes(pack_shards([shard.entry() for shard in shards]))
