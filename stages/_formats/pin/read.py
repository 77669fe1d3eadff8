"""PIN (arXiv 2406.13923): Markdown in `md`, with images as files in `content_image`, and pictures of whole pages.

The Markdown is cut at its images; a text between two of them is one Text. Pictures of whole pages follow at the end, and
the label `overall_image` lists their positions. `quality_signals` become scores, strings of `meta` labels.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace

from interloom.pipeline.contents import IMAGE_BYTES, IMAGE_FORMAT, IMAGES, TEXT, labels, scores
from interloom.pipeline.errors import DocumentError
from interloom.schemas import document
from interloom.schemas.document import Document, Element, Image, Text
from interloom.stages._formats.row_format import RowFormat
from interloom.stages._input.pictures import to_image
from interloom.stages._input.rows import Row, RowOrigin, mapping_field, scores_of, string_field
from interloom.stages._input.surrogates import replace_surrogates, text_of_file

_IMAGE = re.compile(r"""<img\s[^>]*?src=(?:'([^']*)'|"([^"]*)")[^>]*>|!\[([^\]]*)\]\(([^)\s]+)[^)]*\)""")
"""An image in HTML or Markdown: its source in group 1, 2 or 4, its alt text in group 3."""
_META = ("language", "source_dataset", "oi_source")
_SIGNALS = (
    *("image_text_interleaving_count", "text_block_count", "total_token_count", "doc_length", "avg_tokens_per_text_block"),
    *("avg_text_block_length", "bold_char_count", "italic_char_count", "title_count"),
)


def to_document(row: Row, origin: RowOrigin) -> Document:
    """Converts a row to a document. Raises DocumentError if `md` is no string."""
    markdown, meta = row.get("md"), mapping_field(row, "meta")
    if not isinstance(markdown, str):
        raise DocumentError("no string in field 'md'")
    elements = list(_elements(markdown, origin))
    overall = row.get("overall_image")
    pages = [
        image
        for n, name in enumerate(overall if isinstance(overall, list) else [overall])
        if (image := to_image(name, len(elements) + n, origin))
    ]
    known = {name: value for name in _META if (value := string_field(meta, name))}
    whole = {"overall_image": json.dumps([image.position for image in pages])} if pages else {}
    source = origin.source(string_field(mapping_field(meta, "ori_meta"), "url"), string_field(meta, "date_download"))
    return Document(
        id="",
        source=_licensed(source, string_field(row, "license")),
        elements=(*elements, *pages),
        labels={**known, **whole},
        scores=scores_of(mapping_field(row, "quality_signals"), *mapping_field(row, "quality_signals")),
    )


def _licensed(source: document.Source, licence: str) -> document.Source:
    return replace(source, licence=licence)


def _elements(markdown: str, origin: RowOrigin) -> Iterator[Element]:
    position = start = 0
    for match in [*_IMAGE.finditer(markdown), None]:
        text = markdown[start : match.start() if match else None].strip("\r\n")
        if text.strip():
            yield Text(position=position, text=text_of_file(text))
            position += 1
        if match:
            image = to_image(match[1] or match[2] or match[4], position, origin) or Image(position=position)
            yield replace(image, alt=replace_surrogates(match[3] or ""))
            position, start = position + 1, match.end()


FORMAT = RowFormat(
    columns=("id", "md", "overall_image", "content_image", "license", "meta", "quality_signals"),
    provides=(
        *(TEXT, IMAGES, IMAGE_BYTES, IMAGE_FORMAT),
        *labels(*_META, "overall_image"),
        *scores("document", *_SIGNALS),
    ),
    matches=lambda fields: "md" in fields and ("content_image" in fields or "overall_image" in fields),
    to_document=to_document,
)
