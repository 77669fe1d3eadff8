"""Converts documents with their media bytes to Arrow tables and back: the columns of `schemas.table` and a column `media`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from interloom.schemas.document import Document, Element, Media
from interloom.schemas.table import SCHEMA, from_table, to_table

MEDIA = pa.field("media", pa.list_(pa.struct([("position", pa.int32()), ("format", pa.string()), ("data", pa.large_binary())])))
MEDIA_SCHEMA = SCHEMA.append(MEDIA)
"""`media` lists the bytes of the elements that have any, in the order of the elements. There are no references into the run."""


def to_media_table(docs: Sequence[Document]) -> pa.Table:
    """Returns the documents as a table MEDIA_SCHEMA. References into the run (`blob`) are left out."""
    table = to_table([_without_blobs(doc) for doc in docs])
    return table.append_column(MEDIA, pa.array([_media(doc) for doc in docs], MEDIA.type))


def from_media_table(table: pa.Table) -> list[Document]:
    """Returns the documents of a table from `to_media_table`. Raises ValueError if its schema is newer than ours."""
    rows = zip(from_table(table.drop_columns(["media"])), table.column("media").to_pylist(), strict=True)
    return [_with_data(doc, {entry["position"]: entry["data"] for entry in media}) for doc, media in rows]


def _media(doc: Document) -> list[dict[str, Any]]:
    media = (e for e in doc.elements if isinstance(e, Media) and e.data is not None)
    return [{"position": e.position, "format": e.format, "data": e.data} for e in media]


def _without_blobs(doc: Document) -> Document:
    if not any(isinstance(e, Media) for e in doc.elements):
        return doc
    return doc.with_elements(_without_blob(e) for e in doc.elements)


def _without_blob(element: Element) -> Element:
    return replace(element, blob=None) if isinstance(element, Media) and element.blob is not None else element


def _with_data(doc: Document, data: dict[int, bytes]) -> Document:
    return doc.with_elements(replace(e, data=data.get(e.position)) if isinstance(e, Media) else e for e in doc.elements)
