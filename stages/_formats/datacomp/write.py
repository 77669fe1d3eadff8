"""Writes image-text pairs as DataComp (arXiv 2304.14108) describes its pool: metadata in Parquet, and a subset file of uids.

The subset file is a sorted NumPy array of (u8, u8), which DataComp's resharder applies to the tars of its pool. A uid is the
label `source_id` if that is one, else a hash of the document's id and the position of the image. Similarities are the image's
scores of the same names. The format has no place for the bytes of images, other scores and labels, and images without a URL
or a text.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from interloom.pipeline.card_parts import CardParts
from interloom.pipeline.stage import ShardInfo
from interloom.schemas.document import SOURCE_ID, Document
from interloom.stages._export.pairs import Captions, Pair, pairs, unpaired
from interloom.stages._formats.row_export import Row, RowExport, score

SUBSET = "subset.npy"
_UID = re.compile(r"[0-9a-f]{32}")
_SIMILARITIES = ("clip_b32_similarity_score", "clip_l14_similarity_score")
_SCHEMA = pa.schema(
    [
        ("uid", pa.string()),
        ("url", pa.string()),
        ("text", pa.string()),
        ("original_width", pa.int64()),
        ("original_height", pa.int64()),
        *((name, pa.float32()) for name in _SIMILARITIES),
        ("face_bboxes", pa.list_(pa.list_(pa.float64()))),
        ("sha256", pa.string()),
    ]
)


def _rows(doc: Document, captions: Captions) -> Iterator[Row]:
    pairs = _kept(doc, captions)
    for pair in pairs:
        yield {
            "uid": _uid(doc, pair, captions, alone=len(pairs) == 1),
            "url": pair.image.url,
            "text": pair.text,
            "original_width": pair.image.width,
            "original_height": pair.image.height,
            **{name: score(pair.image.scores, name) for name in _SIMILARITIES},
            "face_bboxes": _boxes(doc),
            "sha256": pair.image.sha256,
        }


def _uid(doc: Document, pair: Pair, captions: Captions, alone: bool) -> str:
    given = doc.labels.get(SOURCE_ID, "")
    if alone and _UID.fullmatch(given):
        return given
    is_caption = captions == "each" and pair.caption_position is not None
    place = f"{pair.image.position}.{pair.caption_position}" if is_caption else f"{pair.image.position}"
    return hashlib.sha256(f"{doc.id}#{place}".encode()).hexdigest()[:32]


def _boxes(doc: Document) -> list[list[float]]:
    """The boxes of faces in the label `face_bboxes`; none without one, or if it is none of boxes."""
    try:
        boxes: Any = json.loads(doc.labels.get("face_bboxes", "[]"))
        return [[float(side) for side in box] for box in boxes]
    except (ValueError, TypeError):
        return []


def _kept(doc: Document, captions: Captions = "joined") -> list[Pair]:
    """The pairs whose image has a URL, without which nobody could fetch it."""
    return [pair for pair in pairs(doc, captions, with_bytes=False) if pair.image.url]


def _not_kept(doc: Document) -> list[int]:
    kept = {pair.image.position for pair in _kept(doc)}
    return [image.position for image in doc.images if image.position not in kept]


def _not_kept_texts(doc: Document, captions: Captions) -> list[int]:
    return unpaired(doc, _kept(doc, captions))


_ABOUT = CardParts(
    kind="pairs",
    columns={
        "uid": "128-bit id; `subset.npy` has all of them, sorted",
        "url, text": "of the image",
        "original_width, original_height": "of the image, pixels",
        "clip_b32_similarity_score, clip_l14_similarity_score": "scores of the image",
        "face_bboxes": "boxes of faces",
        "sha256": "hash of the image",
    },
    url_in="`url`",
)


@dataclass(frozen=True)
class _DataComp:
    captions: Captions = "joined"

    @property
    def rows(self) -> RowExport:
        """How rows are made, with a row for each caption or without."""
        to_rows, lacking_texts = partial(_rows, captions=self.captions), partial(_not_kept_texts, captions=self.captions)
        return RowExport(schema=_SCHEMA, to_rows=to_rows, lacking=_not_kept, lacking_texts=lacking_texts, about=_ABOUT)

    def lacks(self, doc: Document) -> Iterable[int]:
        return self.rows.lacks(doc)

    def lacks_texts(self, doc: Document) -> Iterable[int]:
        return self.rows.lacks_texts(doc)

    def write(self, number: int, docs: Iterable[Document], folder: Path) -> ShardInfo:
        info = self.rows.write(number, docs, folder)
        uids = pq.read_table(folder / info.files[0], columns=["uid"])["uid"].to_pylist()
        packed = base64.b85encode(zlib.compress(bytes.fromhex("".join(uids)))).decode()
        return ShardInfo(info.files, info.documents, info.images, {**info.extra, "uids": packed})

    def finish(self, shards: Sequence[ShardInfo], folder: Path) -> Sequence[str]:
        """Writes the subset file: the uids of all shards, sorted, without repetitions."""
        packed = b"".join(zlib.decompress(base64.b85decode(shard.extra["uids"])) for shard in shards)
        uids = np.frombuffer(packed, ">u8").astype("u8").reshape(-1, 2)
        halves = np.unique(uids, axis=0) if len(uids) else uids
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / SUBSET, np.ascontiguousarray(halves).view("u8,u8").reshape(-1), allow_pickle=False)
        return (SUBSET,)

    def card(self, shards: Sequence[ShardInfo]) -> CardParts:
        return self.rows.card(shards)


EXPORT, EACH_CAPTION = _DataComp(), _DataComp("each")
