"""OBELICS (arXiv 2306.16527): the lists `texts` and `images` (URLs) are parallel; of each pair one entry is None.

`metadata` holds details of the images and `general_metadata` details of the page, both as JSON.
"""

from __future__ import annotations

from interloom.pipeline.contents import IMAGE_FORMAT, IMAGE_SIZE, IMAGES, TEXT, scores
from interloom.pipeline.errors import DocumentError
from interloom.schemas.document import Document, Element, Image, Source, Text
from interloom.stages._formats.row_format import RowFormat
from interloom.stages._input.rows import Row, RowOrigin, json_field, list_field, number_field, scores_of, string_field
from interloom.stages._input.surrogates import replace_surrogates, text_of_file

_RENDERED = ("rendered_width", "rendered_height")


def to_document(row: Row, origin: RowOrigin) -> Document:
    """Converts a row to a document. If it names its WARC record, that becomes the document's source.

    Example: texts `[None, "Words."]` and images `["http://a.org/1.jpg", None]` -> an Image, then a Text.
    Raises DocumentError if `texts` and `images` are not lists of the same length, or if the JSON is broken.
    """
    texts, images = list_field(row, "texts"), list_field(row, "images")
    if len(texts) != len(images):
        raise DocumentError(f"'texts' has {len(texts)} entries, but 'images' has {len(images)}")
    details = json_field(row, "metadata")
    details = details if isinstance(details, list) else []
    general = json_field(row, "general_metadata")
    general = general if isinstance(general, dict) else {}
    url = string_field(general, "url") or string_field(row, "url")
    details += [None] * (len(texts) - len(details))
    elements = [_element(n, *parts) for n, parts in enumerate(zip(texts, images, details, strict=False))]
    return Document(
        id="",
        source=_warc_source(general, url) or origin.source(url),
        elements=tuple(element for element in elements if element),
    )


def _warc_source(general: Row, url: str) -> Source | None:
    path = string_field(general, "warc_filename")
    if not path:
        return None
    offset, length = number_field(general, "warc_record_offset", 64), number_field(general, "warc_record_length", 64)
    return Source(url=url, path=path, offset=offset, length=length)


def _element(position: int, text: object, image: object, detail: object) -> Element | None:
    if isinstance(text, str):
        return Text(position=position, text=text_of_file(text))
    if not isinstance(image, str):
        return None
    details = detail if isinstance(detail, dict) else {}
    return Image(
        position=position,
        url=replace_surrogates(image),
        alt=string_field(details, "alt_text"),
        format=string_field(details, "format").lower(),
        width=number_field(details, "original_width"),
        height=number_field(details, "original_height"),
        scores=scores_of(details, *_RENDERED),
    )


FORMAT = RowFormat(
    columns=("id", "url", "texts", "images", "metadata", "general_metadata"),
    provides=(*(TEXT, IMAGES, IMAGE_FORMAT, IMAGE_SIZE), *scores("image", *_RENDERED)),
    matches=lambda fields: "texts" in fields and "images" in fields,
    to_document=to_document,
)
