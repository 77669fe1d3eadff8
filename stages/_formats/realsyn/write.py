"""Writes documents as RealSyn (arXiv 2502.12513) publishes them: a row for each image, with three real texts and a synthetic
one.

Real texts are the captions of an image and what `stages.retrieve_texts` found for it, in this order; the synthetic one is of
the origin "generated". RealSyn has no place for anything else of a document, nor for images without a URL.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from interloom.pipeline.card_parts import CardParts
from interloom.schemas.document import Document
from interloom.stages._formats.row_export import Row, RowExport, describing

_REAL = ("text1", "text2", "text3")
_SCHEMA = pa.schema([(name, pa.string()) for name in ("raw_image_url", *_REAL, "syn_text")])


def _rows(doc: Document) -> Iterator[Row]:
    for image in doc.images:
        if image.url:
            real = [*describing(doc, image, "caption", "body", "alt"), *describing(doc, image, "retrieved"), "", "", ""]
            synthetic = [*describing(doc, image, "generated"), ""]
            yield {"raw_image_url": image.url, **dict(zip(_REAL, real, strict=False)), "syn_text": synthetic[0]}


_ABOUT = CardParts(
    kind="pairs",
    columns={
        "raw_image_url": "URL of the image",
        "text1, text2, text3": "real texts: its captions, then what was retrieved for it",
        "syn_text": "a synthetic text",
    },
    url_in="`raw_image_url`",
)
EXPORT = RowExport(schema=_SCHEMA, to_rows=_rows, about=_ABOUT)
