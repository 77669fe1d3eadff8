"""The documents of a folder of finished shards as Arrow tables: the columns of `stages.write_parquet`, whatever wrote them.

What is given is as it was written, or an error names the file: sizes and numbers of rows are those that the manifest and the
index say, and pages of Parquet files have checksums.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from interloom.loader import Access, Sample, StreamingDocuments
from interloom.loader.row_samples import check_columns
from interloom.loader.shards import ShardFolder
from interloom.pipeline.errors import ConfigError, DamageError, DocumentError, FatalError, described
from interloom.pipeline.store import storage
from interloom.pipeline.store.footers import crc32_of_footer
from interloom.pipeline.store.targets import MANIFEST
from interloom.schemas.document import Document, Image
from interloom.schemas.media_table import to_media_table
from interloom.schemas.table import check_version
from interloom.stages._export.pairs import Pair
from interloom.stages.write_parquet import pair_table, text_table

MEDIA = ("images", "clips", "media", "image")
"""Columns that hold bytes of media, in all layouts and versions of Parquet shards."""
_ROWS_AT_ONCE = 256


def listed(folder: str) -> Mapping[str, int]:
    """The sizes of the shards that the manifest of a folder lists. Raises ConfigError for a manifest that is cut or damaged."""
    path = storage.join(folder, MANIFEST)
    try:
        files = [shard["files"][0] for shard in json.loads(storage.read(path))["shards"]]
        return {str(file["name"]): int(file["size_bytes"]) for file in files}
    except (ValueError, LookupError, TypeError) as error:
        raise ConfigError(
            f"{path}: it is no manifest of finished shards ({described(error)}); `interloom run` writes it"
        ) from error


def tables_of(folder: str, media: bool) -> Iterator[pa.Table]:
    """The documents, some at a time. Raises ConfigError for shards of other formats, DamageError or FatalError for a file that
    is not as it was written."""
    sizes, shards = listed(folder), ShardFolder(folder)
    if not sizes:
        return
    shards.check()
    if list(sizes) != list(shards.names):
        raise DamageError(folder, f"its index and its {MANIFEST} list other shards")
    if shards.is_parquet:
        for number, (name, size) in enumerate(sizes.items()):
            footer = shards.rows(number)[0].checks if shards.has_rows[number] else ()
            expected = _Expected(size, int(shards.counts[number]), footer)
            yield from _of_parquet(storage.join(folder, name), expected, media)
        return
    for table in _of_tars(shards, media):
        yield table if media else table.drop_columns([name for name in table.column_names if name in MEDIA])


@dataclass(frozen=True, slots=True)
class _Expected:
    """What is known of a Parquet file: its size in bytes, its rows, and the CRC-32 of its footer (empty: not known)."""

    size: int
    rows: int
    footer: Sequence[int]


def _of_parquet(path: str, expected: _Expected, media: bool) -> Iterator[pa.Table]:
    with _named(path):
        file = storage.open(path)
    with file:
        with _named(path):
            parquet = _opened(path, file, expected)
        columns = [column for column in parquet.schema_arrow.names if media or column not in MEDIA]
        for group in range(parquet.num_row_groups):
            with _named(path):
                table = parquet.read_row_group(group, columns)
            yield table


def _opened(path: str, file: BinaryIO, expected: _Expected) -> pq.ParquetFile:
    if (actual := file.seek(0, 2)) != expected.size:
        raise DamageError(path, f"it has {actual} bytes, its manifest says {expected.size}")
    if expected.footer and crc32_of_footer(file) not in expected.footer:
        raise DamageError(path, "its footer is not that which its index knows")
    parquet = pq.ParquetFile(file, page_checksum_verification=True)
    if parquet.metadata.num_rows != expected.rows:
        raise DamageError(path, f"it has {parquet.metadata.num_rows} rows, its index says {expected.rows}")
    try:
        check_version(parquet.schema_arrow)
        check_columns(parquet.schema_arrow.names)
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from error
    return parquet


@contextmanager
def _named(path: str) -> Iterator[None]:
    """What goes wrong with a file names it."""
    try:
        yield
    except FileNotFoundError as error:
        raise DamageError(path, "it is missing") from error
    except (pa.ArrowException, OSError, ValueError) as error:  # a name that is not UTF-8, too
        raise DamageError(path, described(error)) from error


def _of_tars(shards: ShardFolder, media: bool) -> Iterator[pa.Table]:
    """All samples, in order, whichever rank asks. Raises FatalError if one cannot be read."""
    if not shards.counts.sum():
        return
    view, access = _row_of if media else _Record(), Access(most_errors=0, verify=True)
    samples = StreamingDocuments(shards.url, shuffle=False, view=view, access=access, rank=0, ranks=1)
    rows = iter(samples)
    try:
        while batch := list(islice(rows, _ROWS_AT_ONCE)):
            yield _table_of(batch)
    except FatalError as error:
        damaged = samples.errors[-1]
        raise FatalError(f"{damaged.shard}, sample {damaged.row}: it cannot be read: {damaged.message}") from error


def _table_of(rows: Sequence[Any]) -> pa.Table:
    """The table of rows of one layout."""
    if isinstance(rows[0], Document):
        return to_media_table(rows)
    docs, others = [doc for doc, _ in rows], [other for _, other in rows]
    if isinstance(others[0], str):
        return text_table(docs, others)
    return pair_table(((doc, pair) for doc, (pair, _) in rows), others[0][1])


class _Record:
    """What is stored of a sample but for its media; those are not read."""

    def wants(self, suffix: str) -> bool:
        return suffix in ("json", "txt")

    def __call__(self, sample: Sample) -> Any:
        return _row_of(sample)


def _row_of(sample: Sample) -> Any:
    """The document, or that of a pair or text with its pair or text."""
    record = sample.record
    if "elements" in record:
        return _document(sample, record["elements"], record["texts"])
    if not {"id", "source", "schema_version"} <= record.keys():
        raise DocumentError(
            "these tars are not those of stages.write_webdataset; stages.read_webdataset and stages.read_documents read others"
        )
    text = sample.members["txt"].decode("utf-8", "replace")
    if "image" not in record:
        return _document(sample, [], []), text
    doc = _document(sample, [record["image"]], [None])
    [image] = doc.elements
    assert isinstance(image, Image)
    position = record.get("caption_position")
    pair = Pair(image, text, record.get("caption_from", ""), () if position is None else (position,))
    return doc, (pair, "each" if "caption_position" in record else "joined")


def _document(sample: Sample, elements: Sequence[Mapping[str, Any]], texts: Sequence[str | None]) -> Document:
    """The document of these elements; members that were not read are left out."""
    known = [e if e.get("member") in (None, *sample.members) else {**e, "member": None} for e in elements]
    members = {**sample.members, "json": json.dumps({**sample.record, "elements": known, "texts": texts}).encode()}
    return Sample(members, {}).document()
