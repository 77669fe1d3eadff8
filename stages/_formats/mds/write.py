"""Writes documents as shards of MosaicML Streaming (MDS), with the writer of its library (`pip install "interloom[mds]"`).

A sample has the columns `id` (str), `record` (json: everything except media, as in the JSON of our WebDataset samples, with
the place of each member in `media`) and `media` (bytes: the pictures, clips and the raw page, one after the other). So MDS
holds all of a document. Each shard lies in a folder of its own, and `index.json` names them all.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from interloom.pipeline.card_parts import CardParts
from interloom.pipeline.stage import ShardInfo
from interloom.schemas.document import Document
from interloom.schemas.sample_members import to_sample
from interloom.stages._export.pairs import omitted_images
from interloom.stages._export.snippets import MDS_SNIPPETS

COLUMNS: Mapping[str, str] = {"id": "str", "record": "json", "media": "bytes"}
_HOLD = {
    "id": "id of the document, unique in the dataset",
    "record": "everything except media: source, labels, scores, texts, elements, and the place of each member in `media`",
    "media": "pictures, clips and the raw page, one after the other",
}
_INDEX = "index.json"


class _Mds:
    def lacks(self, doc: Document) -> Iterable[int]:
        return omitted_images(doc, "interleaved")

    def lacks_texts(self, doc: Document) -> Iterable[int]:
        return ()

    def write(self, number: int, docs: Iterable[Document], folder: Path) -> ShardInfo:
        from streaming import MDSWriter

        name = f"{number:06d}"
        documents = images = 0
        with MDSWriter(out=str(folder / name), columns=dict(COLUMNS), size_limit=None) as writer:
            for doc in docs:
                writer.write(_columns(doc))
                documents += 1
                images += len(doc.images) - len(omitted_images(doc, "interleaved"))
        index = json.loads((folder / name / _INDEX).read_text())
        entries = [_moved(entry, name) for entry in index["shards"]]
        files = (*(entry["raw_data"]["basename"] for entry in entries), f"{name}/{_INDEX}")
        return ShardInfo(files, documents, images, {"samples": documents, "entries": entries})

    def finish(self, shards: Sequence[ShardInfo], folder: Path) -> Sequence[str]:
        """Writes `index.json`, which names the shards."""
        entries = [entry for shard in shards for entry in shard.extra["entries"]]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _INDEX).write_text(json.dumps({"version": 2, "shards": entries}, sort_keys=True))
        return (_INDEX,)

    def card(self, shards: Sequence[ShardInfo]) -> CardParts:
        return CardParts(
            kind="interleaved",
            data_files="*/*.mds",
            columns=_HOLD,
            snippets=MDS_SNIPPETS,
            opt_out_in="`source.opt_out` of `record` and in `opt_out` of its `elements`",
            url_in="`source.url` of `record` or in `url` of its `elements`",
            source_in="`source` of `record`",
        )


def _columns(doc: Document) -> dict[str, Any]:
    places, media = {}, bytearray()
    (_, record), *members = to_sample(doc).members
    for suffix, content in members:
        places[suffix] = [len(media), len(content)]
        media += content
    return {"id": doc.id, "record": {**json.loads(record), "members": places}, "media": bytes(media)}


def _moved(entry: Mapping[str, Any], folder: str) -> dict[str, Any]:
    """The entry of a shard in the index, with the file's name relative to the folder of all shards."""
    raw = entry["raw_data"]
    return {**entry, "raw_data": {**raw, "basename": f"{folder}/{raw['basename']}"}}


EXPORT = _Mds()
