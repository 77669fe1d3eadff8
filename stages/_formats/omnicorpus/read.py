"""OmniCorpus (arXiv 2406.08418): the lists `texts`, `images` (URLs) and `metadata` (measures of images) are parallel.

Probabilities of `general_metadata` become scores of the document, its `domain` a label (JSON), its `id` the label `source_id`.
The measures of an image become its scores, `p_hash` its perceptual hash. `d_hash` and `img_url_sha` are not kept.
"""

from __future__ import annotations

import json
import re

from interloom.pipeline.contents import IMAGE_PHASH, IMAGE_SIZE, IMAGES, TEXT, labels, scores
from interloom.schemas.document import SOURCE_ID, Document, Image
from interloom.stages._formats.row_format import RowFormat
from interloom.stages._input.parallel import interleaved
from interloom.stages._input.pictures import to_image
from interloom.stages._input.rows import (
    Row,
    RowOrigin,
    given_id,
    mapping_field,
    number_field,
    parallel_lists,
    scores_of,
    string_field,
)
from interloom.stages._input.surrogates import replace_surrogates

_PROBABILITIES = ("fluency_prob", "non_advertisement_prob", "politics_prob", "porn_prob", "toxic_prob")
_MEASURES = ("aesthetic_prob", "unsafe_prob", "bytes", "d_hash_dup_count", "p_hash_dup_count")
_PHASH = re.compile(r"[0-9a-f]{16}")


def to_document(row: Row, origin: RowOrigin) -> Document:
    """Converts a row to a document. Raises DocumentError if the lists are none or differ in length."""
    texts, images, measures = parallel_lists(row, "texts", "images", "metadata")
    general = mapping_field(row, "general_metadata")
    domain = general.get("domain")
    labels_ = {"domain": json.dumps(domain, ensure_ascii=False)} if isinstance(domain, list) and domain else {}
    given = given_id(general.get("id"))
    return Document(
        id="",
        source=origin.source(string_field(general, "url")),
        elements=tuple(interleaved(texts, images, lambda image, number, at: _image(image, measures[number], at, origin))),
        scores=scores_of(general, *_PROBABILITIES),
        labels={**labels_, SOURCE_ID: given} if given else labels_,
    )


def _image(url: object, measures: object, position: int, origin: RowOrigin) -> Image | None:
    if not isinstance(url, str):  # some publish these lists with bytes
        return to_image(url, position, origin)
    known = measures if isinstance(measures, dict) else {}
    phash = string_field(known, "p_hash").lower()
    return Image(
        position=position,
        url=replace_surrogates(url),
        width=number_field(known, "width"),
        height=number_field(known, "height"),
        phash=phash if _PHASH.fullmatch(phash) else "",
        scores=scores_of(known, *_MEASURES),
    )


FORMAT = RowFormat(
    columns=("texts", "images", "metadata", "general_metadata"),
    provides=(
        *(TEXT, IMAGES, IMAGE_SIZE, IMAGE_PHASH),
        *labels("domain"),
        *scores("document", *_PROBABILITIES),
        *scores("image", *_MEASURES),
    ),
    matches=lambda fields: {"texts", "images", "general_metadata.fluency_prob"} <= set(fields),
    to_document=to_document,
)
