"""Writes documents as OBELICS (arXiv 2306.16527) publishes them: texts and URLs of images in parallel, all else as JSON.

It has no place for the bytes of images, scores, labels, roles and origins of texts, times, and images without a URL.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from interloom.pipeline.card_parts import CardParts
from interloom.schemas.document import Document, Element, Image, Source, Text
from interloom.stages._formats.row_export import Row, RowExport, score, to_json

COLUMNS: list[tuple[str, pa.DataType]] = [
    ("images", pa.list_(pa.string())),
    ("metadata", pa.string()),
    ("general_metadata", pa.string()),
    ("texts", pa.list_(pa.string())),
]


def to_row(doc: Document) -> dict[str, Any]:
    """Returns the row of a document: an Image, then a Text -> texts `[None, "Words."]`, images `["http://a.org/1.jpg", None]`."""
    parts = [element for element in doc.elements if isinstance(element, Text) or (isinstance(element, Image) and element.url)]
    return {
        "images": [part.url if isinstance(part, Image) else None for part in parts],
        "metadata": to_json([_details(doc, part) for part in parts]),
        "general_metadata": to_json(_page(doc.source)),
        "texts": [part.text if isinstance(part, Text) else None for part in parts],
    }


def _details(doc: Document, part: Element) -> dict[str, Any] | None:
    if not isinstance(part, Image):
        return None
    details = {
        "document_url": doc.source.url,
        "unformatted_src": part.url,
        "src": part.url,
        "alt_text": part.alt or None,
        "rendered_width": _whole(score(part.scores, "rendered_width")),
        "rendered_height": _whole(score(part.scores, "rendered_height")),
        "original_width": part.width,
        "original_height": part.height,
        "format": part.format or None,
    }
    return {name: value for name, value in details.items() if value is not None}


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


def _page(source: Source) -> dict[str, Any]:
    if not source.path or source.offset is None or source.length is None:
        return {"url": source.url}
    place = {"warc_filename": source.path, "warc_record_offset": source.offset, "warc_record_length": source.length}
    return {"url": source.url, **place}


def _rows(doc: Document) -> Iterator[Row]:
    yield to_row(doc)


ABOUT = CardParts(
    kind="interleaved",
    columns={
        "images": "URLs of the images in order, null where a text stands",
        "metadata": "JSON: what is known of each image, null where a text stands",
        "general_metadata": "JSON: URL of the page, and its record in the crawl",
        "texts": "the texts in order, null where an image stands",
    },
    url_in="`general_metadata` or `images`",
    source_in="`general_metadata`",
)
EXPORT = RowExport(schema=pa.schema(COLUMNS), to_rows=_rows, about=ABOUT)
