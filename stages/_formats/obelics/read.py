"""OBELICS (arXiv 2306.16527): the lists `texts` and `images` (URLs) are parallel; of each pair one entry is None.

`metadata` holds details of the images and `general_metadata` details of the page, both as JSON.
"""

from __future__ import annotations

from interloom.pipeline.contents import IMAGE_FORMAT, IMAGE_SIZE, IMAGES, TEXT, scores
from interloom.pipeline.errors import DocumentError
from interloom.schemas.document import Document, Image, Source
from interloom.stages._formats.row_format import RowFormat
from interloom.stages._input.parallel import interleaved
from interloom.stages._input.pictures import to_image
from interloom.stages._input.rows import Row, RowOrigin, json_field, list_field, number_field, scores_of, string_field
from interloom.stages._input.surrogates import replace_surrogates

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
    return Document(
        id="",
        source=_warc_source(general, url) or origin.source(url),
        elements=tuple(interleaved(texts, images, lambda image, number, at: _image(image, details[number], at, origin))),
    )


def _warc_source(general: Row, url: str) -> Source | None:
    path = string_field(general, "warc_filename")
    if not path:
        return None
    offset, length = number_field(general, "warc_record_offset", 64), number_field(general, "warc_record_length", 64)
    return Source(url=url, path=path, offset=offset, length=length)


def _image(value: object, detail: object, position: int, origin: RowOrigin) -> Image | None:
    if not isinstance(value, str):  # some publish these lists with bytes
        return to_image(value, position, origin)
    details = detail if isinstance(detail, dict) else {}
    return Image(
        position=position,
        url=replace_surrogates(value),
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
