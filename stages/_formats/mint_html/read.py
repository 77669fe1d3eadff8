"""MINT-1T, its HTML part (arXiv 2406.11271): the columns of OBELICS with `url`, the language of the page, and counts of n-grams.

The most probable language becomes the label `language`, its probability the score `language`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from interloom.pipeline.contents import labels, scores
from interloom.schemas.document import Document
from interloom.stages._formats.obelics import read as obelics
from interloom.stages._formats.row_format import RowFormat
from interloom.stages._input.rows import Row, RowOrigin, as_score, mapping_field

_LANGUAGES = "language_id_whole_page_fasttext"


def _matches(fields: Collection[str]) -> bool:
    is_mint = _LANGUAGES in fields or any(field.startswith("bff_") for field in fields)
    return {"texts", "images"} <= set(fields) and (is_mint or "url" in fields)  # OBELICS has the URL in `general_metadata`


def to_document(row: Row, origin: RowOrigin) -> Document:
    """Converts a row to a document, as `obelics` does."""
    doc = obelics.to_document(row, origin)
    language_scores = mapping_field(row, _LANGUAGES)
    languages = {name: number for name, value in language_scores.items() if (number := as_score(value)) is not None}
    if not languages:
        return doc
    language = max(sorted(languages), key=languages.__getitem__)
    return replace(doc, labels={**doc.labels, "language": language}, scores={**doc.scores, "language": languages[language]})


FORMAT = RowFormat(
    columns=(*obelics.FORMAT.columns, _LANGUAGES),
    provides=(*obelics.FORMAT.provides, *labels("language"), *scores("document", "language")),
    matches=_matches,
    to_document=to_document,
)
