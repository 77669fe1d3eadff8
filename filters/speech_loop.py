from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from interloom.filters._words import words
from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document, Text
from interloom.schemas.outcome import Drop, Dropped, Outcome


@dataclass(frozen=True, kw_only=True)
class SpeechLoop(Stage):
    """Drops what speech recognition says again and again, as it does over music and noise: all but the first of more than
    `in_a_row` sentences with the same words (`repeated`, value: how many), and a sentence that is mostly one phrase of up to
    `phrase_words` words more than `in_a_row` times (`looped`, value: the share of its words, limit `at_most`).

    Multimodal Textbook drops what is transcribed badly (arXiv 2501.00958, section 3) by models; these rules are our own.
    """

    in_a_row: int = 3
    phrase_words: int = 8
    at_most: float = 0.6

    def check(self) -> Iterable[str]:
        for name in ("in_a_row", "phrase_words"):
            if getattr(self, name) < 1:
                yield f"{name}: at least 1, not {getattr(self, name)}"

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        for doc in docs:
            gone = {text.position: drop for text, drop in self._judge(doc)}
            yield from (Dropped(doc.id, drop, position) for position, drop in gone.items())
            yield doc.without(gone) if gone else doc

    def _judge(self, doc: Document) -> Iterator[tuple[Text, Drop]]:
        said = [(text, [word.casefold() for word in words(text.text)]) for text in doc.texts if text.origin == "asr"]
        for _, run in groupby(said, key=lambda one: one[1]):
            same = list(run)
            for number, (text, found) in enumerate(same):
                share = self._looped(found)
                if share > self.at_most:
                    yield text, Drop("looped", round(share, 4), self.at_most)
                elif found and number and len(same) > self.in_a_row:
                    yield text, Drop("repeated", len(same), self.in_a_row)

    def _looped(self, found: list[str]) -> float:
        """The largest share of the words that one phrase covers by following on itself more than `in_a_row` times."""
        best = 0
        for size in range(1, min(self.phrase_words, len(found) // (self.in_a_row + 1)) + 1):
            same = (one == other for one, other in zip(found, found[size:], strict=False))
            longest = max((len(list(run)) for equal, run in groupby(same) if equal), default=0)
            best = max(best, longest + size if longest >= self.in_a_row * size else 0)
        return best / len(found) if found else 0.0
