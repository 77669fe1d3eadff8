"""RealSyn (arXiv 2502.12513): an image with up to three real texts and a synthetic one.

The first text is the caption of the image, the others are of the origins "retrieved" and "generated".
"""

from __future__ import annotations

from collections.abc import Iterator

from interloom.pipeline.contents import IMAGES, TEXT
from interloom.pipeline.errors import DocumentError
from interloom.schemas.document import Document, Text
from interloom.schemas.text_forms import visible_text
from interloom.stages._formats.row_format import RowFormat
from interloom.stages._input.pictures import to_image
from interloom.stages._input.rows import Row, RowOrigin, string_field

_ORIGINS = {"text1": "body", "text2": "retrieved", "text3": "retrieved", "syn_text": "generated"}


def to_document(row: Row, origin: RowOrigin) -> Document:
    """Converts a row to a pair. Raises DocumentError if it has no image."""
    image = to_image(row.get("raw_image_url"), 0, origin)
    if image is None:
        raise DocumentError("nothing in field 'raw_image_url'")
    return Document(id="", source=origin.source(""), elements=(image, *_texts(row)))


def _texts(row: Row) -> Iterator[Text]:
    given = [(text, origin) for name, origin in _ORIGINS.items() if (text := string_field(row, name))]
    for position, (text, origin) in enumerate(given, 1):
        yield Text(position=position, text=visible_text(text), role="caption", origin=origin, of=0)


FORMAT = RowFormat(
    columns=("raw_image_url", *_ORIGINS),
    provides=(TEXT, IMAGES),
    matches=lambda fields: "raw_image_url" in fields and not _ORIGINS.keys().isdisjoint(fields),
    fits=lambda fields: "raw_image_url" in fields,
    to_document=to_document,
)
