"""Writes documents as the rows of NVIDIA NeMo Curator (`INTERLEAVED_SCHEMA`): a row for each element, and one at position -1.

The rows of a sample are those with its `sample_id`, so that is the id of the document: an id of the input need not be unique,
and stands among the labels. The row at -1 has what is known of the document as JSON: URL, labels and scores. NeMo Curator has
no place for the positions of elements (they are numbered anew), sizes, scores and alt texts of elements, roles and origins of
texts, and a label `url`. A score with the name of a label (`language` of `stages.score_language`) is `<name>_score`. Clips are
left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from interloom.pipeline.card_parts import CardParts
from interloom.schemas.document import Document, Image, Text
from interloom.stages._formats.row_export import Row, RowExport, to_json

_SCHEMA = pa.schema(
    [
        pa.field("sample_id", pa.string(), nullable=False),
        pa.field("position", pa.int32(), nullable=False),
        pa.field("modality", pa.string(), nullable=False),
        ("content_type", pa.string()),
        ("text_content", pa.string()),
        ("binary_content", pa.large_binary()),
        ("source_ref", pa.string()),
        ("materialize_error", pa.string()),
    ]
)
_NOWHERE: Mapping[str, Any] = {"path": None, "member": None, "byte_offset": None, "byte_size": None, "frame_index": None}


def _rows(doc: Document) -> Iterator[Row]:
    about: dict[str, Any] = {"url": "", **doc.labels} | {"url": doc.source.url}
    for name, value in doc.scores.items():
        while name in about:
            name += "_score"
        about[name] = value
    yield {"sample_id": doc.id, "position": -1, **_row("metadata", "application/json", text_content=to_json(about))}
    parts = (element for element in doc.elements if isinstance(element, Text | Image))
    for number, part in enumerate(parts):
        yield {"sample_id": doc.id, "position": number, **_element(part)}


def _element(part: Text | Image) -> Row:
    if isinstance(part, Text):
        return _row("text", "text/plain", text_content=part.text)
    kind = f"image/{part.format.lower()}" if part.format else None
    return _row("image", kind, binary_content=part.data, source_ref=to_json({**_NOWHERE, "path": part.url or None}))


def _row(modality: str, content_type: str | None, **content: Any) -> Row:
    return {"modality": modality, "content_type": content_type, **content}


def _without_all(doc: Document) -> list[int]:
    return [image.position for image in doc.images if not image.url and image.data is None]


_ABOUT = CardParts(
    kind="interleaved",
    columns={
        "sample_id": "id of the document; its rows follow each other",
        "position": "number of the element; -1 is the row about the document",
        "modality": "text, image or metadata",
        "content_type": "media type of the content",
        "text_content": "the text; at -1 URL, labels and scores of the document as JSON",
        "binary_content": "the encoded picture",
        "source_ref": "JSON: URL of the picture",
        "materialize_error": "empty",
    },
    url_in="`text_content` at position -1 or in `source_ref`",
)
EXPORT = RowExport(schema=_SCHEMA, to_rows=_rows, lacking=_without_all, about=_ABOUT)
