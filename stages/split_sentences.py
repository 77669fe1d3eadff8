"""Splits texts into sentences, each an element of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from interloom.pipeline.contents import OF_TEXTS, TEXT, Content, Need
from interloom.pipeline.languages import LanguageCode
from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document, Element, Text
from interloom.schemas.outcome import Outcome
from interloom.stages._embed.sentences import sentences
from interloom.stages._embed.text_parts import part_of


@dataclass(frozen=True, kw_only=True)
class SplitSentences(Stage):
    """Splits each body text and speech into sentences, so that filters, scores and embeddings of texts are about sentences.

    A sentence has the role, origin, path and time span of the text that it was cut from, and the offset in the extracted text at
    which it begins. It gets a new position, because what is on record of the old one is about the whole text. A text of one
    sentence stays as it is, and so do captions, alt texts and text on screens. Whitespace between sentences is not kept. RealSyn
    (arXiv 2502.12513, section 3.1) retrieves sentences.

    Parameters:
        language: The language whose rules hold, an ISO 639 code; null: that of the document's label `language`, else English.
            Default null, our choice.
    """

    language: LanguageCode | None = None

    def needs(self) -> Iterable[Need]:
        return (TEXT,)

    def provides(self) -> Iterable[Content]:
        return ()

    def outdates(self) -> Iterable[str]:
        return OF_TEXTS

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        for doc in docs:
            running, positions = {text.position for text in doc.running_texts}, count(doc.free_position)
            language = self.language or doc.labels.get("language", "")
            parts = (_parts(e, language, positions) if e.position in running else (e,) for e in doc.elements)
            yield doc.with_elements(element for elements in parts for element in elements)


def _parts(element: Element, language: str, positions: Iterator[int]) -> Sequence[Element]:
    assert isinstance(element, Text)
    spans = sentences(element.text, language)
    if len(spans) < 2:
        return (element,)
    return [part_of(element, start, end, next(positions)) for start, end in spans]
