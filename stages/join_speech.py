"""Joins sentences of speech into paragraphs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document, Element, Text
from interloom.schemas.outcome import Outcome
from interloom.stages._video.timeline import begin, end


@dataclass(frozen=True, kw_only=True)
class JoinSpeech(Stage):
    """Consecutive speech becomes paragraphs of `at_least_s` where the next sentence is there to be had, and of no more than
    `at_most_s` unless one sentence is longer (10 to 20 s in Multimodal Textbook, arXiv 2501.00958, section 3).

    A pause of `pause_s` ends a paragraph; sentences are not cut. A paragraph keeps the position of its first sentence and
    lasts from its first to its last word; a score is the mean of its sentences', by their length in time.
    """

    at_least_s: float = 10.0
    at_most_s: float = 20.0
    pause_s: float = 5.0

    def check(self) -> Iterable[str]:
        if not 0 <= self.at_least_s <= self.at_most_s or self.at_most_s == 0:
            yield f"at_least_s, at_most_s: from {self.at_least_s} to {self.at_most_s} is no range"
        if self.pause_s <= 0:
            yield f"pause_s: more than 0, not {self.pause_s}"

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        return map(self._joined, docs)

    def _joined(self, doc: Document) -> Document:
        said = sorted((e for e in doc.texts if _is_speech(e)), key=lambda e: (begin(e), end(e), e.position))
        if len(said) < 2:
            return doc
        paragraphs = {group[0].position: _paragraph(group) for group in self._groups(said)}
        gone = {text.position for text in said} - set(paragraphs)
        kept = (paragraphs.get(element.position, element) for element in doc.elements if element.position not in gone)
        return doc.with_elements(kept)

    def _groups(self, said: Sequence[Text]) -> Iterator[list[Text]]:
        group = [said[0]]
        for text in said[1:]:
            first, last = begin(group[0]), max(end(one) for one in group)
            is_full = last - first >= self.at_least_s or end(text) - first > self.at_most_s
            if is_full or begin(text) - last >= self.pause_s:
                yield group
                group = []
            group.append(text)
        yield group


def _is_speech(element: Element) -> bool:
    return isinstance(element, Text) and element.origin == "asr" and element.of is None and element.start_s is not None


def _paragraph(group: Sequence[Text]) -> Text:
    if len(group) == 1:
        return group[0]
    scores = {name: round(_mean(group, name), 4) for name in group[0].scores if all(name in one.scores for one in group)}
    words = " ".join(one.text for one in group)
    return replace(group[0], text=words, start_s=begin(group[0]), end_s=max(map(end, group)), scores=scores)


def _mean(group: Sequence[Text], name: str) -> float:
    lengths = [max(end(one) - begin(one), 1e-3) for one in group]
    return sum(length * one.scores[name] for length, one in zip(lengths, group, strict=True)) / sum(lengths)
