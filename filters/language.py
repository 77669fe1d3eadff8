from __future__ import annotations

from interloom.filters._judge import drop_if_below
from interloom.pipeline.contents import labels, scores
from interloom.pipeline.filter import document_filter
from interloom.pipeline.languages import LanguageCodes
from interloom.pipeline.ranges import Share
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop


@document_filter(needs=[*labels("language"), *scores("document", "language")])
def language(doc: Document, *, keep: LanguageCodes = ("en",), at_least: Share = 0.65) -> Drop | None:
    """Drops documents in other languages than those to keep, and documents whose language is uncertain.

    It reads the label and the score `language`, which `stages.score_language` writes; without them the reason is `not_scored`.

    Parameters:
        keep: Languages of the documents that stay. ISO 639-1 codes. Default "en".
        at_least: Documents with a lower probability of their language are dropped. 0 to 1. Default 0.65 (FineWeb, arXiv
            2406.17557, section 3.3; OBELICS uses 0.8; both are scores of fastText).
    """
    label, score = doc.labels.get("language"), doc.scores.get("language")
    if label is None or score is None:
        return Drop("not_scored")
    if label not in keep:
        return Drop("other_language", score)
    return drop_if_below("language_unsure", score, at_least)
