"""Converts documents with their media bytes to the rows of Parquet shards and back.

A row has the columns of `schemas.columns.SCHEMA` and, parallel to its `elements`, the lists `texts`, `images` and `clips`: the
text of a Text, the bytes of an Image, the bytes of a Clip, and null where the element is of another kind or has no bytes. So a
text and a picture are in a row once for each element that shows them, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any

import pyarrow as pa

from interloom.schemas.columns import ELEMENT, LABELS, SCHEMA, SCORES, SOURCE
from interloom.schemas.document import Clip, Document, Element, Image, Media
from interloom.schemas.features import with_features
from interloom.schemas.media_names import media_name
from interloom.schemas.table import array_of, from_table, to_table

_ELSEWHERE = frozenset({"text", "blob_path", "blob_offset", "blob_size", "blob_crc32"})
"""Fields of an element that stand in `texts`, or that refer into a run."""
IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
"""The form in which Hugging Face `datasets` stores an Image."""
CLIP = pa.struct([("bytes", pa.large_binary()), ("path", pa.string())])
SHARD_ELEMENT = pa.struct([field for field in ELEMENT if field.name not in _ELSEWHERE])
MOST_IMAGE_BYTES = (1 << 31) - 1
"""Bytes of images that a row has room for: the offsets of IMAGE have 32 bits."""

_PARALLEL = {"texts": pa.string(), "images": IMAGE, "clips": CLIP}
MEDIA_SCHEMA = with_features(
    pa.schema(
        [
            ("id", pa.string()),
            *((name, pa.list_(kind)) for name, kind in _PARALLEL.items()),
            ("source", SOURCE),
            ("labels", LABELS),
            ("scores", SCORES),
            ("body", pa.large_binary()),
            ("elements", pa.list_(SHARD_ELEMENT)),
        ],
        metadata=SCHEMA.metadata,
    ),
    images=("images",),
)
_ENTRY = pa.struct([("positions", pa.list_(pa.int32())), ("format", pa.string()), ("data", pa.large_binary())])
MEDIA_2 = pa.list_(_ENTRY)
"""The column `media` of schema 2, instead of the parallel lists: each content once, with the positions of its elements."""


def to_media_table(docs: Sequence[Document]) -> pa.Table:
    """Returns the documents as a table MEDIA_SCHEMA. References into the run (`blob`) are left out."""
    table = to_table(docs)
    lists = table["elements"].combine_chunks()
    offsets, fields = lists.offsets.cast(pa.int32()), lists.values
    elements = [e for doc in map(_with_images_that_fit, docs) for e in doc.elements]
    values = {
        "texts": fields.field("text").cast(pa.string()),
        "images": _media(elements, Image, IMAGE),
        "clips": _media(elements, Clip, CLIP),
        "elements": pa.StructArray.from_arrays([fields.field(f.name) for f in SHARD_ELEMENT], fields=list(SHARD_ELEMENT)),
    }
    columns = {name: pa.ListArray.from_arrays(offsets, array) for name, array in values.items()}
    arrays = [columns[name] if name in columns else table[name] for name in MEDIA_SCHEMA.names]
    return pa.Table.from_arrays(arrays, schema=MEDIA_SCHEMA)


def images_without_room(doc: Document) -> list[int]:
    """Returns the positions of the images that have bytes, but no room in the document's row."""
    without, used = [], 0
    for image in doc.images:
        size = len(image.data or b"")
        if used + size > MOST_IMAGE_BYTES:
            without.append(image.position)
        else:
            used += size
    return without


def _with_images_that_fit(doc: Document) -> Document:
    without = set(images_without_room(doc))
    return (
        doc.with_elements(replace(e, data=None) if isinstance(e, Image) and e.position in without else e for e in doc.elements)
        if without
        else doc
    )


def _media(elements: Sequence[Element], kind: type[Media], column: pa.StructType) -> pa.StructArray:
    """The bytes and file names of the elements of a kind that have bytes; null for others."""
    media = [e if isinstance(e, kind) and e.data is not None else None for e in elements]
    data = pa.array([e and e.data for e in media], column.field("bytes").type)
    paths = array_of([e and media_name(e) for e in media], pa.string())
    return pa.StructArray.from_arrays([data, paths], fields=list(column), mask=pa.array([e is None for e in media], pa.bool_()))


def from_media_table(table: pa.Table) -> list[Document]:
    """Returns the documents of a table from `to_media_table`, also of schemas 1 and 2; without the columns of media, documents
    without bytes.

    Raises ValueError if the schema is newer than ours, an element is of an unknown kind, lists that are parallel have different
    lengths, or an entry of `media` (schemas 1 and 2) has no positions.
    """
    docs = [without_blobs(doc) for doc in from_table(_record(table))]
    if "media" in table.column_names:
        rows = table["media"].to_pylist()
        media = ({position: entry["data"] for entry in row or () for position in _positions(entry)} for row in rows)
        return [_with_data(doc, data) for doc, data in zip(docs, media, strict=True)]
    for name, kind in (("images", Image), ("clips", Clip)):
        if name in table.column_names:
            rows = table[name].to_pylist()
            docs = [_with_media(doc, row, kind, name) for doc, row in zip(docs, rows, strict=True)]
    return docs


def _record(table: pa.Table) -> pa.Table:
    """The columns of `schemas.columns.SCHEMA`: the texts are put back into their elements."""
    record = table.select([name for name in table.column_names if name in SCHEMA.names])
    if "texts" not in table.column_names or "elements" not in table.column_names:
        return record
    elements, texts = table["elements"].combine_chunks(), table["texts"].combine_chunks()
    lengths = elements.value_lengths().cast(pa.int64())
    if not lengths.equals(texts.value_lengths().cast(pa.int64())):
        raise ValueError("'texts' and 'elements' have different lengths")
    fields = elements.flatten()
    kept = [field for field in fields.type if field.name != "text"]
    values = [*(fields.field(field.name) for field in kept), texts.flatten()]
    whole = pa.StructArray.from_arrays(values, names=[*(field.name for field in kept), "text"], mask=fields.is_null())
    offsets = accumulate((length or 0 for length in lengths.to_pylist()), initial=0)
    lists = pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), whole)
    return record.set_column(record.column_names.index("elements"), "elements", lists)


def _positions(entry: Mapping[str, Any] | None) -> Sequence[int]:
    """The positions of an entry of `media`: one `position` in schema 1, a list in schema 2."""
    if entry is None or entry.get("positions", ()) is None:
        raise ValueError("an entry of 'media' has no positions")
    return [entry["position"]] if "position" in entry else entry["positions"]


def without_blobs(doc: Document) -> Document:
    """The document without references into a run: in a foreign file they could name any file of this machine."""
    if not any(isinstance(e, Media) for e in doc.elements):
        return doc
    return doc.with_elements(_without_blob(e) for e in doc.elements)


def _without_blob(element: Element) -> Element:
    return replace(element, blob=None) if isinstance(element, Media) and element.blob is not None else element


def _with_data(doc: Document, data: Mapping[int, bytes]) -> Document:
    return doc.with_elements(replace(e, data=data.get(e.position)) if isinstance(e, Media) else e for e in doc.elements)


def _with_media(doc: Document, row: Sequence[Mapping[str, bytes] | None] | None, kind: type[Media], name: str) -> Document:
    if row is None:
        return doc
    if len(row) != len(doc.elements):
        raise ValueError(f"'{name}' and 'elements' have different lengths")
    if not any(row):
        return doc
    pairs = zip(doc.elements, row, strict=True)
    return doc.with_elements(replace(e, data=cell["bytes"]) if cell and isinstance(e, kind) else e for e, cell in pairs)
