from __future__ import annotations

from interloom.filters._judge import under
from interloom.pipeline.filter import document_filter
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop


@document_filter
def language(doc: Document, *, keep: tuple[str, ...] = ("en",), at_least: float = 0.65) -> Drop | None:
    """Keeps documents labelled with one of these languages (ISO 639-1) with at least this probability.

    It judges the label and the score `language` only: `stages.score_language` comes first. 0.65 is FineWeb's limit (arXiv
    2406.17557, section 3.3), OBELICS has 0.8, both of fastText's scores.
    """
    label, score = doc.labels.get("language"), doc.scores.get("language")
    if label is None or score is None:
        return Drop("not_scored")
    if label not in keep:
        return Drop("other_language", score)
    return under("language_unsure", score, at_least)
