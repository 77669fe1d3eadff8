"""Joins sentences of speech into paragraphs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from interloom.pipeline.contents import OF_TEXTS, SPEECH, Content, Need
from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document, Element, Text
from interloom.schemas.outcome import Outcome
from interloom.stages._video.timeline import end_of, start_of

_MIN_LENGTH_S = 1e-3
"""A sentence without a length weighs as much as one of this length."""


@dataclass(frozen=True, kw_only=True)
class JoinSpeech(Stage):
    """Joins consecutive sentences of speech into paragraphs, by default of 10 to 20 seconds.

    Sentences are not cut. A paragraph is longer than `at_most_s` only if it is a single sentence, and shorter than `at_least_s`
    only if the next sentence would make it too long, comes after a pause or does not exist. It keeps the position of its first
    sentence and lasts from the start of the first to the end of the last one; of the scores that all its sentences have, it
    gets the means, weighted by their length in time.

    Parameters:
        at_least_s: Sentences are added until a paragraph lasts so long. Seconds. Default 10.0 (Multimodal Textbook, arXiv
            2501.00958, section 3).
        at_most_s: A sentence that would make a paragraph longer than this begins the next one. Seconds. Default 20.0
            (Multimodal Textbook, section 3).
        pause_s: A pause this long ends a paragraph. Seconds. Default 5.0, our choice.
    """

    at_least_s: float = 10.0
    at_most_s: float = 20.0
    pause_s: float = 5.0

    def needs(self) -> Iterable[Need]:
        return (SPEECH,)

    def provides(self) -> Iterable[Content]:
        return ()

    def outdates(self) -> Iterable[str]:
        return OF_TEXTS

    def check(self) -> Iterable[str]:
        if not 0 <= self.at_least_s <= self.at_most_s or self.at_most_s == 0:
            given = f"{self.at_least_s} and {self.at_most_s}"
            yield f"at_least_s, at_most_s: must be 0 <= at_least_s <= at_most_s and at_most_s more than 0, not {given}"
        if self.pause_s <= 0:
            yield f"pause_s: must be more than 0, not {self.pause_s}"

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        return map(self._joined, docs)

    def _joined(self, doc: Document) -> Document:
        speech = sorted((e for e in doc.texts if _is_speech(e)), key=lambda e: (start_of(e), end_of(e), e.position))
        if len(speech) < 2:
            return doc
        paragraphs = {sentences[0].position: _paragraph(sentences) for sentences in self._groups(speech)}
        joined = {text.position for text in speech} - set(paragraphs)
        kept = (paragraphs.get(element.position, element) for element in doc.elements if element.position not in joined)
        return doc.with_elements(kept)

    def _groups(self, speech: Sequence[Text]) -> Iterator[list[Text]]:
        """Yields the sentences of each paragraph.

        By default, sentences of 0-4, 4-8, 8-12, 12-16 and 30-33 s -> [0-4, 4-8, 8-12], [12-16], [30-33]
        """
        group = [speech[0]]
        for text in speech[1:]:
            first_s, last_s = start_of(group[0]), max(end_of(sentence) for sentence in group)
            is_full = last_s - first_s >= self.at_least_s or end_of(text) - first_s > self.at_most_s
            if is_full or start_of(text) - last_s >= self.pause_s:
                yield group
                group = []
            group.append(text)
        yield group


def _is_speech(element: Element) -> bool:
    return isinstance(element, Text) and element.origin == "asr" and element.of is None and element.start_s is not None


def _paragraph(sentences: Sequence[Text]) -> Text:
    if len(sentences) == 1:
        return sentences[0]
    first = sentences[0]
    shared = [name for name in first.scores if all(name in sentence.scores for sentence in sentences)]
    scores = {name: round(_mean_score(sentences, name), 4) for name in shared}
    text = " ".join(sentence.text for sentence in sentences)
    return replace(first, text=text, start_s=start_of(first), end_s=max(map(end_of, sentences)), scores=scores)


def _mean_score(sentences: Sequence[Text], name: str) -> float:
    """The mean of a score, weighted by the sentences' lengths in time."""
    lengths = [max(end_of(sentence) - start_of(sentence), _MIN_LENGTH_S) for sentence in sentences]
    return sum(length * text.scores[name] for length, text in zip(lengths, sentences, strict=True)) / sum(lengths)
