"""The interleaved rows of NeMo Curator (Parquet): a row for each element, and one at position -1 for the sample.

The rows of a sample follow each other. The `sample_id` becomes the label `source_id`; what the row at -1 says becomes labels
and scores.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from interloom.pipeline.contents import IMAGE_BYTES, IMAGE_FORMAT, IMAGES, TEXT
from interloom.pipeline.errors import DocumentError
from interloom.schemas.document import Document, Element, Image, Text
from interloom.schemas.text_forms import visible_text
from interloom.stages._formats.row_format import RowFormat
from interloom.stages._input.files_beside import part_of_file
from interloom.stages._input.kept_columns import KeptColumns, with_facts
from interloom.stages._input.pictures import of_bytes, to_image
from interloom.stages._input.rows import Row, RowOrigin, number_field, string_field
from interloom.stages._input.surrogates import replace_surrogates

_ABOUT = KeptColumns(None, frozenset({"url"}))


def to_document(row: Row, origin: RowOrigin) -> Document:
    """Converts the `rows` of a sample to a document. Raises DocumentError for a position that is none, or that is repeated."""
    about: dict[str, Any] = {}
    elements: dict[int, Element] = {}
    for part in row["rows"]:
        position = part.get("position")
        if position == -1:
            about |= _parsed(part, "text_content")
            continue
        if number_field(part, "position") is None or position in elements:
            raise DocumentError(f"the position {position} is none, or is repeated")
        for element in _elements(part, position, origin):
            elements[position] = element
    url = about.get("url")
    doc = Document(
        id="",
        source=origin.source(replace_surrogates(url) if isinstance(url, str) else ""),
        elements=tuple(elements[position] for position in sorted(elements)),
    )
    return with_facts(doc, _ABOUT.facts_of(about))


def _elements(part: Row, position: int, origin: RowOrigin) -> Iterator[Element]:
    """Yields the element of a row; none for a modality that we do not know."""
    if part.get("modality") == "text":
        yield Text(position=position, text=visible_text(string_field(part, "text_content")))
    elif part.get("modality") == "image":
        yield _image(part, position, origin)


def _image(part: Row, position: int, origin: RowOrigin) -> Image:
    reference = _parsed(part, "source_ref")
    path, kind = string_field(reference, "path"), string_field(part, "content_type")
    data = part.get("binary_content")
    if isinstance(data, bytes):
        image = of_bytes(data, position, kind.replace("/", "."))
        return replace(image, url=path)
    offset, size = number_field(reference, "byte_offset", 64), number_field(reference, "byte_size", 64)
    if path and offset is not None and size is not None:
        blob = part_of_file(origin.split.root, path, offset, size)
        return Image(position=position, url=path, blob=blob)
    return (to_image(path, position, origin) if path else None) or Image(position=position)


def _parsed(part: Row, name: str) -> dict[str, Any]:
    """The object in a field with JSON; empty if there is none."""
    try:
        value = json.loads(part.get(name) or "{}")
    except (ValueError, TypeError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


FORMAT = RowFormat(
    columns=("sample_id", "position", "modality", "content_type", "text_content", "binary_content", "source_ref"),
    provides=(TEXT, IMAGES, IMAGE_BYTES, IMAGE_FORMAT),
    matches=lambda fields: {"sample_id", "position", "modality"} <= set(fields),
    to_document=to_document,
    group_by="sample_id",
)
