from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from interloom.filters._words import words
from interloom.pipeline.contents import SPEECH, Content, Need
from interloom.pipeline.ranges import Positive, Share
from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document, Text
from interloom.schemas.outcome import Drop, Dropped, Outcome


@dataclass(frozen=True, kw_only=True)
class SpeechLoop(Stage):
    """Drops transcribed sentences that repeat each other or that repeat one phrase.

    Speech recognition produces such loops over music and noise. Of more than `in_a_row` successive sentences with the same
    words all but the first are dropped (`repeated`; value: how many sentences). A sentence that consists mostly of one phrase
    that follows itself more than `in_a_row` times is dropped (`looped`; value: the share of its words in the phrase).

    Multimodal Textbook drops bad transcripts (arXiv 2501.00958, section 3) by models; these rules are our choice.

    Parameters:
        in_a_row: Up to this many repetitions in a row stay. Sentences or phrases. At least 1. Default 3, our choice.
        phrase_words: Longest phrase whose repetition is looked for. Words. At least 1. Default 8, our choice.
        at_most: Maximum share of a sentence's words in one repeated phrase. 0 to 1. Default 0.6, our choice.
    """

    in_a_row: Positive = 3
    phrase_words: Positive = 8
    at_most: Share = 0.6

    def needs(self) -> Iterable[Need]:
        return (SPEECH,)

    def provides(self) -> Iterable[Content]:
        return ()

    def check(self) -> Iterable[str]:
        for name in ("in_a_row", "phrase_words"):
            if getattr(self, name) < 1:
                yield f"{name}: must be at least 1, not {getattr(self, name)}"

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        for doc in docs:
            drops = {text.position: drop for text, drop in self._judge(doc)}
            yield from (Dropped(doc.id, drop, position) for position, drop in drops.items())
            yield doc.without(drops) if drops else doc

    def _judge(self, doc: Document) -> Iterator[tuple[Text, Drop]]:
        sentences = [(text, [word.casefold() for word in words(text.text)]) for text in doc.texts if text.origin == "asr"]
        for _, equal in groupby(sentences, key=lambda sentence: sentence[1]):
            run = list(equal)
            for number, (text, its_words) in enumerate(run):
                share = self._looped_share(its_words)
                if share > self.at_most:
                    yield text, Drop("looped", round(share, 4), self.at_most)
                elif its_words and number and len(run) > self.in_a_row:
                    yield text, Drop("repeated", len(run), self.in_a_row)

    def _looped_share(self, its_words: list[str]) -> float:
        """Returns the largest share of the words that one phrase covers by following itself more than `in_a_row` times.

        A run of equal pairs (word n, word n + size) is a phrase of `size` words that repeats itself. Example, with `in_a_row`
        2: `["a", "b", "a", "b", "a", "b", "c", "d"]` -> 0.75.
        """
        most = 0
        for size in range(1, min(self.phrase_words, len(its_words) // (self.in_a_row + 1)) + 1):
            is_equal = (word == later for word, later in zip(its_words, its_words[size:], strict=False))
            longest = max((len(list(run)) for equal, run in groupby(is_equal) if equal), default=0)
            most = max(most, longest + size if longest >= self.in_a_row * size else 0)
        return most / len(its_words) if its_words else 0.0
