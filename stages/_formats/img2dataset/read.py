"""Tables of image-text pairs: LAION's (`URL`, `TEXT`, `WIDTH`, `HEIGHT`, `similarity` ...), and those that img2dataset writes
beside its tars (`url`, `caption`, `key`, `status` ...). The tars are read by `stages.read_webdataset`. Rows with `url` and
`caption` are recognised if they have a column of img2dataset, or no other than ids, measures, licence, date and language;
others may have their text in a column that we do not know, and are read as pairs only if the recipe names the format.

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
_OWN = frozenset(("status", "error_message", "exif", "sha256", "original_width", "original_height"))
"""Columns that only img2dataset writes, beside `url` and `caption`."""
_FACTS = frozenset(
    ("url", "caption", "id", "uid", "key", "hash", "md5", "width", "height", "date", "language", "lang", "license")
)
"""Columns beside which a pair is a pair: none of them can hold the text of a document."""


def _matches(fields: Collection[str]) -> bool:
    names = set(fields)
    has_other_media = not names.isdisjoint(("text", "image", "images", "video", "clip_path"))
    is_known = bool(names & _OWN) or names <= _FACTS | {"licence", *_MEASURES}
    is_pair = {"url", "caption"} <= names and is_known and not has_other_media
    return {"URL", "TEXT"} <= names or {"url", "caption", "key", "status"} <= names or is_pair


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
    fits=lambda fields: {"url", "caption"} <= set(fields),
    to_document=to_document,
)
