"""Writes documents as the HTML part of MINT-1T (arXiv 2406.11271) publishes them: the columns of OBELICS, `url`, and a count.

The count is the score `bff_contained_ngram_count_before_dedupe`, null without one. It has no place for what OBELICS has none
for: bytes of images, scores, labels, roles and origins of texts, times.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa

from interloom.schemas.document import Document
from interloom.stages._formats.obelics.write import ABOUT, COLUMNS, to_row
from interloom.stages._formats.row_export import Row, RowExport, score

_COUNT = "bff_contained_ngram_count_before_dedupe"


def _rows(doc: Document) -> Iterator[Row]:
    count = score(doc.scores, _COUNT)
    yield {"url": doc.source.url, **to_row(doc), _COUNT: None if count is None else round(count)}


_SCHEMA = pa.schema([("url", pa.string()), *COLUMNS, (_COUNT, pa.int64())])
_ABOUT = replace(
    ABOUT,
    columns={"url": "URL of the page", **ABOUT.columns, _COUNT: "the score of this name"},
    url_in="`url` or `images`",
)
EXPORT = RowExport(schema=_SCHEMA, to_rows=_rows, about=_ABOUT)
