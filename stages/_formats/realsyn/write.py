"""Writes documents as RealSyn (arXiv 2502.12513) publishes them: a row for each image, with three real texts and a synthetic
one.

Real texts are the captions of an image and what `stages.retrieve_texts` found for it, in this order; the synthetic one is of
the origin "generated". RealSyn has no place for anything else of a document, nor for images without a URL.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from interloom.pipeline.card_parts import CardParts
from interloom.schemas.document import Document, Image, Text
from interloom.stages._formats.row_export import Row, RowExport, describing

_REAL = ("text1", "text2", "text3")
_SCHEMA = pa.schema([(name, pa.string()) for name in ("raw_image_url", *_REAL, "syn_text")])


def _rows(doc: Document) -> Iterator[Row]:
    for image in doc.images:
        if image.url:
            real, synthetic = _texts(doc, image)
            texts = [text.text for text in real] + [""] * (len(_REAL) - len(real))
            yield {
                "raw_image_url": image.url,
                **dict(zip(_REAL, texts, strict=True)),
                "syn_text": "".join(t.text for t in synthetic),
            }


def _texts(doc: Document, image: Image) -> tuple[list[Text], list[Text]]:
    """The real texts of an image, and its synthetic one, if it has one."""
    real = [*describing(doc, image, "caption", "body", "alt"), *describing(doc, image, "retrieved")]
    return real[: len(_REAL)], describing(doc, image, "generated")[:1]


def _without_place(doc: Document) -> list[int]:
    held = {text.position for image in doc.images if image.url for texts in _texts(doc, image) for text in texts}
    return [e.position for e in doc.elements if not isinstance(e, Image) and e.position not in held]


_ABOUT = CardParts(
    kind="pairs",
    columns={
        "raw_image_url": "URL of the image",
        "text1, text2, text3": "real texts: its captions, then what was retrieved for it",
        "syn_text": "a synthetic text",
    },
    url_in="`raw_image_url`",
)
EXPORT = RowExport(schema=_SCHEMA, to_rows=_rows, lacking_texts=_without_place, about=_ABOUT)
