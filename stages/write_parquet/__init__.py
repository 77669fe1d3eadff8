"""Writes shards as Parquet files, for tables and queries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import pyarrow as pa
import pyarrow.compute as pc

from interloom.pipeline.card_parts import CardParts
from interloom.pipeline.contents import IMAGE_BYTES, TEXT, Need
from interloom.pipeline.stage import ShardInfo, Sink
from interloom.pipeline.store.footers import crc32_of_footer
from interloom.schemas.columns import LABELS, SCHEMA, SCORES
from interloom.schemas.document import Document
from interloom.schemas.features import card_features, with_features
from interloom.schemas.media_names import media_name
from interloom.schemas.media_table import IMAGE, MEDIA_SCHEMA, images_without_room, to_media_table
from interloom.schemas.outcome import Drop
from interloom.schemas.sample_index import Checked, pack_rows, rows_name
from interloom.schemas.split_buckets import Buckets, buckets_of, histogram
from interloom.schemas.table import array_of, to_table
from interloom.stages._export.checks import captions_problems, sink_problems
from interloom.stages._export.pairs import Captions, Pair, no_pairs, omitted_images, omitted_texts, pairs, running_text
from interloom.stages._export.row_groups import write_row_groups
from interloom.stages._export.snippets import parquet_snippets
from interloom.stages.write_parquet.columns import about

FOLDER = "data"
"""Shards lie in a folder of their own, because most readers of a folder of Parquet files want nothing else in it."""

_PAIR_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("position", pa.int32()),
        ("image", IMAGE),
        ("caption", pa.string()),
        ("caption_from", pa.string()),
        ("format", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("sha256", pa.string()),
        ("phash", pa.string()),
        ("url", pa.string()),
        ("alt", pa.string()),
        ("opt_out", pa.string()),
        ("scores", SCORES),
        ("page_url", pa.string()),
        ("licence", pa.string()),
        ("document_scores", SCORES),
        ("labels", LABELS),
        ("source", SCHEMA.field("source").type),
    ],
    metadata=SCHEMA.metadata,
)
PAIR_SCHEMA = with_features(_PAIR_SCHEMA, images=("image",))
_AFTER = _PAIR_SCHEMA.get_field_index("caption_from") + 1
_CAPTION_SCHEMA = with_features(_PAIR_SCHEMA.insert(_AFTER, pa.field("caption_position", pa.int32())), images=("image",))
"""With a row for each caption."""
_FACTS = ("id", "source", "labels", "scores")
_TEXT_SCHEMA = pa.schema([*(SCHEMA.field(name) for name in _FACTS), ("text", pa.string())], metadata=SCHEMA.metadata)
TEXT_SCHEMA = with_features(_TEXT_SCHEMA)


@dataclass(frozen=True, kw_only=True)
class WriteParquet(Sink):
    """Writes shards as Parquet files in row groups of about 64 MB, into the folder `data` of the target.

    The bytes of a shard depend only on its documents and on the version of pyarrow. What reads Parquet opens the folder `data`
    or its files without settings; Hugging Face `datasets` opens the target itself, and shows images as images. Of a document
    with more than 2 GB of images the last ones are left out.

    Parameters:
        to: The folder of the shards, local or `s3://`. Default: a folder in that of the run.
        shard_size_bytes: Size of a shard. Bytes, before compression. Default 256 MiB, our choice.
        layout: "interleaved": one row per document, with the parallel lists `texts`, `images` and `clips` and all else that is
            known of it (see `schemas/media_table.py`); "pairs": one row per image with a text; "text": one row per document
            with its running text. Default "interleaved".
        captions: What becomes of several captions of an image in layout "pairs". "joined": they are the lines of one text.
            "each": each different one is a row, and its position in the column `caption_position`. Default "joined", our choice.
    """

    causes: ClassVar[Mapping[str, str | None]] = {
        "not_written": "they have no bytes (see stages.fetch_images), or layout pairs has no text for them",
        "no_pairs": "none of their images has bytes (see stages.fetch_images) and a text",
    }

    to: str = ""
    shard_size_bytes: int = 256 << 20
    layout: Literal["interleaved", "pairs", "text"] = "interleaved"
    captions: Captions = "joined"

    def needs(self) -> Iterable[Need]:
        return {"interleaved": (), "pairs": (IMAGE_BYTES,), "text": (TEXT,)}[self.layout]

    def check(self) -> Iterable[str]:
        yield from captions_problems(self.captions, self.layout == "pairs", "layout 'pairs'")
        yield from sink_problems(self.to, self.shard_size_bytes)

    def holds_images(self) -> bool:
        return self.layout != "text"

    def omits(self, doc: Document) -> Iterable[int]:
        return omitted_images(doc, self.layout) + (images_without_room(doc) if self.layout == "interleaved" else [])

    def omits_texts(self, doc: Document) -> Iterable[int]:
        return omitted_texts(doc, self.layout, self.captions)

    def rejects(self, doc: Document, omitted: Iterable[int]) -> Drop | None:
        return no_pairs(doc, omitted) if self.layout == "pairs" else None

    def write(self, number: int, docs: Iterable[Document], folder: Path) -> ShardInfo:
        """Writes `data/shard-<number>.parquet`, and what the loader needs to know of its samples."""
        name = f"{FOLDER}/shard-{number:06d}.parquet"
        (folder / FOLDER).mkdir(parents=True, exist_ok=True)
        layout = self._layout()
        counts = _Counts()

        def to_rows(batch: Sequence[Document]) -> pa.Table:
            rows = layout.to_rows(batch)
            counts.documents += len(batch)
            counts.buckets += [buckets_of(doc) for doc in batch for _ in range(layout.count_rows(doc))]
            counts.images += layout.count_images(rows, batch)
            return rows

        groups = write_row_groups(folder / name, layout.schema, docs, to_rows)
        index = folder / rows_name(name)
        index.parent.mkdir(parents=True, exist_ok=True)
        index.write_bytes(pack_rows([()] * len(counts.buckets), counts.buckets, _checked(folder / name, name, groups), groups))
        extra = {"samples": len(counts.buckets), "buckets": histogram(counts.buckets)}
        return ShardInfo((name, rows_name(name)), counts.documents, counts.images, extra)

    def card(self, shards: Sequence[ShardInfo]) -> CardParts:
        parts, features = about(self.layout, self.captions), card_features(self._layout().schema)
        return replace(parts, data_files=f"{FOLDER}/*.parquet", features=features, snippets=parquet_snippets())

    def _layout(self) -> _Layout:
        return _LAYOUTS[self.layout] if self.layout != "pairs" else _pair_layout(self.captions)


def _checked(file: Path, name: str, groups: Sequence[int]) -> Checked:
    with file.open("rb") as content:
        return Checked((name, file.stat().st_size), [crc32_of_footer(content)] if groups else [])


def pair_table(rows: Iterable[tuple[Document, Pair]], captions: Captions = "joined") -> pa.Table:
    """The rows of the layout "pairs" of pairs of documents."""
    schema = PAIR_SCHEMA if captions == "joined" else _CAPTION_SCHEMA
    return pa.Table.from_pylist([_pair_row(doc, pair) for doc, pair in rows], schema=schema)


def text_table(docs: Sequence[Document], texts: Sequence[str]) -> pa.Table:
    """The rows of the layout "text" of documents with their texts."""
    table = to_table([doc.with_elements(()) for doc in docs]).select(_FACTS)
    return table.append_column("text", array_of(texts, pa.string()))


def _pair_row(doc: Document, pair: Pair) -> dict[str, Any]:
    image = pair.image
    same_names = ("position", "format", "width", "height", "sha256", "phash", "url", "alt", "opt_out")
    return {
        **{name: getattr(image, name) for name in same_names},
        "id": doc.id,
        "image": {"bytes": image.data, "path": media_name(image)},
        "caption": pair.text,
        "caption_from": pair.origin,
        "caption_position": pair.caption_position,
        "scores": _sorted_pairs(image.scores),
        "page_url": doc.source.url,
        "licence": doc.source.licence,
        "document_scores": _sorted_pairs(doc.scores),
        "labels": _sorted_pairs(doc.labels),
        "source": asdict(doc.source),
    }


def _sorted_pairs(values: Mapping[str, object]) -> list[dict[str, object]]:
    return [{"name": name, "value": value} for name, value in sorted(values.items())]


def _text_rows(docs: Sequence[Document]) -> pa.Table:
    return text_table(docs, [running_text(doc) for doc in docs])


def _count_images(table: pa.Table, docs: Sequence[Document]) -> int:
    images = table["images"].combine_chunks().flatten()
    return int(pc.count(images).as_py())


@dataclass(frozen=True, slots=True)
class _Layout:
    """The columns of a layout, the rows of documents, how many images these rows hold, and how many rows a document has."""

    schema: pa.Schema
    to_rows: Callable[[Sequence[Document]], pa.Table]
    count_images: Callable[[pa.Table, Sequence[Document]], int]
    count_rows: Callable[[Document], int] = lambda doc: 1


@dataclass(slots=True)
class _Counts:
    documents: int = 0
    images: int = 0
    buckets: list[Buckets] = field(default_factory=list)


def _pair_layout(captions: Captions) -> _Layout:
    def to_rows(docs: Sequence[Document]) -> pa.Table:
        return pair_table(((doc, pair) for doc in docs for pair in pairs(doc, captions)), captions)

    def count_images(table: pa.Table, docs: Sequence[Document]) -> int:
        return int(table.group_by(["id", "position"]).aggregate([]).num_rows)

    schema = PAIR_SCHEMA if captions == "joined" else _CAPTION_SCHEMA
    return _Layout(schema, to_rows, count_images, lambda doc: len(list(pairs(doc, captions))))


_LAYOUTS = {
    "interleaved": _Layout(MEDIA_SCHEMA, to_media_table, _count_images),
    "text": _Layout(TEXT_SCHEMA, _text_rows, lambda table, docs: 0),
}
