"""DataComp (arXiv 2304.14108): the metadata of its pool, a pair of image URL and text a row.

The uid becomes the label `source_id`, the similarities become scores of the image, and the boxes of faces the label
`face_bboxes` (JSON). The tars of a downloaded pool are read by `stages.read_webdataset`.
"""

from __future__ import annotations

import json

from interloom.pipeline.contents import IMAGE_SHA256, IMAGE_SIZE, IMAGES, TEXT, labels, scores
from interloom.pipeline.errors import DocumentError
from interloom.schemas.document import SOURCE_ID, Document, Image, Text
from interloom.schemas.text_forms import visible_text
from interloom.stages._formats.row_format import RowFormat
from interloom.stages._input.rows import Row, RowOrigin, given_id, number_field, scores_of, string_field

_SIMILARITIES = ("clip_b32_similarity_score", "clip_l14_similarity_score")


def to_document(row: Row, origin: RowOrigin) -> Document:
    """Converts a row to a pair. Raises DocumentError if it has no URL."""
    url, text, boxes = string_field(row, "url"), visible_text(string_field(row, "text")), row.get("face_bboxes")
    if not url:
        raise DocumentError("no string in field 'url'")
    image = Image(
        position=0,
        url=url,
        width=number_field(row, "original_width"),
        height=number_field(row, "original_height"),
        sha256=string_field(row, "sha256"),
        scores=scores_of(row, *_SIMILARITIES),
    )
    named = {SOURCE_ID: given_id(row.get("uid")), "face_bboxes": json.dumps(boxes) if isinstance(boxes, list) and boxes else ""}
    caption = (Text(position=1, text=text, role="caption", of=0),) if text else ()
    known = {name: value for name, value in named.items() if value}
    return Document(id="", source=origin.source(""), elements=(image, *caption), labels=known)


FORMAT = RowFormat(
    columns=("uid", "url", "text", "original_width", "original_height", *_SIMILARITIES, "face_bboxes", "sha256"),
    provides=(
        *(TEXT, IMAGES, IMAGE_SIZE, IMAGE_SHA256),
        *labels("face_bboxes"),
        *scores("image", *_SIMILARITIES),
    ),
    matches=lambda fields: {"uid", "url", "text"} <= set(fields) and not set(_SIMILARITIES).isdisjoint(fields),
    to_document=to_document,
)
