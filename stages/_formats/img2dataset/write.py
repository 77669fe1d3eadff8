"""Writes image-text pairs as img2dataset does: a tar, a Parquet file with the facts of its samples, and a file of counts.

A pair is an image with its caption, else its alt text, else the nearest text, as in `layout: pairs` of the other sinks. The
bytes of images are as they were found: nothing is resized or encoded anew. The format has no place for the positions, scores
and labels of documents, and for images without bytes or without a text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from interloom.pipeline.card_parts import CardParts
from interloom.pipeline.stage import ShardInfo
from interloom.schemas.document import Document
from interloom.schemas.media_names import extension_of
from interloom.schemas.sample_members import Sample
from interloom.stages._export.pair_features import pair_features
from interloom.stages._export.pairs import Captions, Pair, omitted_images, omitted_texts, pairs
from interloom.stages._export.snippets import IMG2DATASET_SNIPPETS
from interloom.stages._export.tar import Tar
from interloom.stages._formats.row_export import to_json

_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("url", "caption", "key", "status", "error_message")),
        *((name, pa.int32()) for name in ("width", "height", "original_width", "original_height")),
        ("exif", pa.string()),
        ("sha256", pa.string()),
    ]
)
_COLUMNS = {
    "jpg, png, ...": "the picture, encoded",
    "txt": "its text",
    "json": "its URL, text, key, size and hash; the Parquet file beside the tar has the same",
}
_NAMES = ({"name": "__key__", "dtype": "string"}, {"name": "__url__", "dtype": "string"})
_SHARD_DIGITS, _SAMPLE_DIGITS = 5, 4
"""Digits of the number of a shard and of a sample in it, as img2dataset's keys have."""


@dataclass(frozen=True)
class _Img2dataset:
    captions: Captions = "joined"

    def lacks(self, doc: Document) -> Iterable[int]:
        return omitted_images(doc, "pairs")

    def lacks_texts(self, doc: Document) -> Iterable[int]:
        return omitted_texts(doc, "pairs", self.captions)

    def write(self, number: int, docs: Iterable[Document], folder: Path) -> ShardInfo:
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{number:0{_SHARD_DIGITS}d}"
        facts, suffixes, documents, images = list[dict[str, Any]](), set[str](), 0, 0
        with (folder / f"{name}.tar").open("wb") as file:
            tar = Tar(file)
            for doc in docs:
                documents += 1
                for pair in pairs(doc, self.captions):
                    images += not pair.again
                    facts.append(_facts(f"{name}{len(facts):0{_SAMPLE_DIGITS}d}", pair))
                    suffixes.add(extension_of(pair.image.format))
                    tar.add(_sample(facts[-1], pair))
            tar.finish()
        pq.write_table(pa.Table.from_pylist(facts, schema=_SCHEMA), folder / f"{name}.parquet")
        counts = {"count": len(facts), "successes": len(facts), "failed_to_download": 0, "failed_to_resize": 0}
        status = {"status_dict": {"success": len(facts)}}
        (folder / f"{name}_stats.json").write_text(json.dumps({**counts, **status}, indent=4))
        files = (f"{name}.tar", f"{name}.parquet", f"{name}_stats.json")
        return ShardInfo(files, documents, images, {"samples": len(facts), "suffixes": sorted(suffixes)})

    def finish(self, shards: Sequence[ShardInfo], folder: Path) -> Sequence[str]:
        return ()

    def card(self, shards: Sequence[ShardInfo]) -> CardParts:
        suffixes = {suffix for shard in shards for suffix in shard.extra["suffixes"]}
        return CardParts(
            kind="pairs",
            data_files="*.tar",
            columns=_COLUMNS,
            features=[*pair_features(suffixes), *_NAMES],
            snippets=IMG2DATASET_SNIPPETS,
            url_in="`url` of the JSON",
        )


def _facts(key: str, pair: Pair) -> dict[str, Any]:
    image = pair.image
    size = {"width": image.width, "height": image.height, "original_width": image.width, "original_height": image.height}
    about_fetch = {"url": image.url, "caption": pair.text, "key": key, "status": "success", "error_message": None}
    values = {**about_fetch, **size, "exif": "{}", "sha256": image.sha256}
    return {
        name: value.encode("utf-8", "replace").decode() if isinstance(value, str) else value for name, value in values.items()
    }


def _sample(facts: dict[str, Any], pair: Pair) -> Sample:
    image = (extension_of(pair.image.format), pair.image.data or b"")
    members = (image, ("txt", facts["caption"].encode()), ("json", to_json(facts).encode()))
    return Sample(facts["key"], members, 1)


EXPORT, EACH_CAPTION = _Img2dataset(), _Img2dataset("each")
