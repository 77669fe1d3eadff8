"""Tables of image-text pairs: LAION's (`URL`, `TEXT`, `WIDTH`, `HEIGHT`, `similarity` ...), and those that img2dataset writes
beside its tars (`url`, `caption`, `key`, `status` ...). The tars are read by `stages.read_webdataset`. `url` and
`caption` are enough where rows have no other text, image or video.

Measures (`similarity`, `pwatermark`, `punsafe`, `aesthetic`) become scores of the image, `LANGUAGE` the label `language`.
"""

from __future__ import annotations

from collections.abc import Collection

from interloom.pipeline.contents import IMAGE_SIZE, IMAGES, TEXT, labels, scores
from interloom.pipeline.errors import DocumentError
from interloom.schemas.document import SOURCE_ID, Document, Image, Text
from interloom.schemas.text_forms import visible_text
from interloom.stages._formats.row_format import RowFormat
from interloom.stages._input.rows import Row, RowOrigin, given_id, number_field, scores_of, string_field

_MEASURES = ("similarity", "pwatermark", "punsafe", "aesthetic", "AESTHETIC_SCORE")
_SHA256_DIGITS = 64


def _matches(fields: Collection[str]) -> bool:
    is_pair = {"url", "caption"} <= set(fields) and {"text", "image", "images", "video", "clip_path"}.isdisjoint(fields)
    return {"URL", "TEXT"} <= set(fields) or {"url", "caption", "key", "status"} <= set(fields) or is_pair


def to_document(row: Row, origin: RowOrigin) -> Document:
    """Converts a row to a pair. Raises DocumentError if it has no URL."""
    url = string_field(row, "URL") or string_field(row, "url")
    if not url:
        raise DocumentError("no string in field 'URL' or 'url'")
    text = visible_text(string_field(row, "TEXT") or string_field(row, "caption"))
    sha256 = string_field(row, "sha256").lower()
    image = Image(
        position=0,
        url=url,
        width=next((size for name in ("original_width", "WIDTH", "width") if (size := number_field(row, name))), None),
        height=next((size for name in ("original_height", "HEIGHT", "height") if (size := number_field(row, name))), None),
        sha256=sha256 if len(sha256) == _SHA256_DIGITS else "",
        scores=scores_of(row, *_MEASURES),
    )
    caption = (Text(position=1, text=text, role="caption", of=0),) if text else ()
    named = {"language": string_field(row, "LANGUAGE"), SOURCE_ID: given_id(row.get("key"))}
    known = {name: value for name, value in named.items() if value}
    return Document(id="", source=origin.source(""), elements=(image, *caption), labels=known)


FORMAT = RowFormat(
    columns=(
        *("URL", "TEXT", "WIDTH", "HEIGHT", "LANGUAGE", "url", "caption", "key", "sha256", "width", "height"),
        *("original_width", "original_height", *_MEASURES),
    ),
    provides=(*(TEXT, IMAGES, IMAGE_SIZE), *labels("language"), *scores("image", *_MEASURES)),
    matches=_matches,
    to_document=to_document,
)
