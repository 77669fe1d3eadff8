"""Converts documents with their media bytes to Arrow tables and back: the columns of `schemas.table` and a column `media`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from interloom.schemas.columns import SCHEMA
from interloom.schemas.document import Document, Element, Media
from interloom.schemas.table import from_table, to_table

_ENTRY = pa.struct([("positions", pa.list_(pa.int32())), ("format", pa.string()), ("data", pa.large_binary())])
MEDIA = pa.field("media", pa.list_(_ENTRY))
MEDIA_SCHEMA = SCHEMA.append(MEDIA)
"""`media` lists the different contents of the document's media, in the order of the elements, each with the positions of the
elements that have it. There are no references into the run."""


def to_media_table(docs: Sequence[Document]) -> pa.Table:
    """Returns the documents as a table MEDIA_SCHEMA. References into the run (`blob`) are left out."""
    table = to_table([without_blobs(doc) for doc in docs])
    return table.append_column(MEDIA, pa.array([_media(doc) for doc in docs], MEDIA.type))


def from_media_table(table: pa.Table) -> list[Document]:
    """Returns the documents of a table from `to_media_table`; of a table without `media`, documents without bytes.

    In schema 1 each entry of `media` had one `position`. Raises ValueError if the schema is newer than ours, an element is of an
    unknown kind, or an entry of `media` has no positions.
    """
    docs = [without_blobs(doc) for doc in from_table(table.drop_columns([n for n in table.column_names if n == "media"]))]
    if "media" not in table.column_names:
        return docs
    rows = table["media"].to_pylist()
    media = ({position: entry["data"] for entry in row or () for position in _positions(entry)} for row in rows)
    return [_with_data(doc, data) for doc, data in zip(docs, media, strict=True)]


def _positions(entry: Mapping[str, Any] | None) -> Sequence[int]:
    if entry is None or entry.get("positions", ()) is None:
        raise ValueError("an entry of 'media' has no positions")
    return [entry["position"]] if "position" in entry else entry["positions"]


def _media(doc: Document) -> list[dict[str, Any]]:
    entries: dict[tuple[bytes, str], dict[str, Any]] = {}
    for element in doc.elements:
        if isinstance(element, Media) and element.data is not None:
            new = {"positions": [], "format": element.format, "data": element.data}
            entries.setdefault((element.data, element.format), new)["positions"].append(element.position)
    return list(entries.values())


def without_blobs(doc: Document) -> Document:
    """The document without references into a run: in a foreign file they could name any file of this machine."""
    if not any(isinstance(e, Media) for e in doc.elements):
        return doc
    return doc.with_elements(_without_blob(e) for e in doc.elements)


def _without_blob(element: Element) -> Element:
    return replace(element, blob=None) if isinstance(element, Media) and element.blob is not None else element


def _with_data(doc: Document, data: dict[int, bytes]) -> Document:
    return doc.with_elements(replace(e, data=data.get(e.position)) if isinstance(e, Media) else e for e in doc.elements)
