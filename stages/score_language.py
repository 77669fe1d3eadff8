"""Says what language a document is in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document
from interloom.schemas.outcome import Outcome

_LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True, kw_only=True)
class ScoreLanguage(Stage):
    """Labels a document `language` and scores how likely that is (`language`, 0 to 1), from its first characters.

    Labels are ISO 639-1, or 639-3 for a language that has no code of two letters; a text without letters is `und` with 0.
    The model is py3langid's, of 140 languages, a descendant of langid.py (Lui and Baldwin, ACL 2012); it comes with the
    package. Under some 20 characters it mostly guesses, with a probability that says so. Costs about 0.3 us per character.
    """

    characters: int = 2000

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        for doc in docs:
            language, probability = self._judge(doc.text[: self.characters])
            yield doc.with_labels(language=language).with_score("language", probability)

    def _judge(self, text: str) -> tuple[str, float]:
        if not _LETTER.search(text):
            return "und", 0.0
        language, probability = _identifier().classify(text)
        return language, min(float(probability), 1.0)


@cache
def _identifier() -> Any:
    """The model, once in a process: it takes most of a second to load."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
