"""Detects the language of a document."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

from interloom.pipeline.contents import TEXT, Content, Need, labels, scores
from interloom.pipeline.ranges import Positive
from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document
from interloom.schemas.outcome import Outcome

_LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True, kw_only=True)
class ScoreLanguage(Stage):
    """Detects the language of a document from its first characters: label `language`, and its probability as score `language`.

    Labels are ISO 639-1 codes, or ISO 639-3 for languages without a code of two letters. A text without letters gets `und` with
    probability 0. The model is py3langid's, of 140 languages, a descendant of langid.py (Lui and Baldwin, ACL 2012), and comes
    with that package. On fewer than about 20 characters it mostly guesses, with a low probability. It takes about 0.3
    microseconds per character.

    Parameters:
        characters: The model reads so many characters from the beginning of the text. Default 2000, our choice.
    """

    memory_bytes: ClassVar[int] = 280_000_000

    characters: Positive = 2000

    def needs(self) -> Iterable[Need]:
        return (TEXT,)

    def provides(self) -> Iterable[Content]:
        return (*labels("language"), *scores("document", "language"))

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        for doc in docs:
            language, probability = _language(doc.text[: self.characters])
            yield doc.with_labels(language=language).with_score("language", probability)


def _language(text: str) -> tuple[str, float]:
    """The language's code and its probability: "" -> ("und", 0.0)."""
    if not _LETTER.search(text):
        return "und", 0.0
    language, probability = _identifier().classify(text)
    return language, min(float(probability), 1.0)


@cache
def _identifier() -> Any:
    """The model; it is loaded once in a process, because that takes most of a second."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
