from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from interloom.filters._judge import DocumentJudge, over, under
from interloom.filters._words import lines, mostly_unspaced, words
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop

_BULLETS = ("•", "‣", "◦", "●", "▪", "- ", "* ")
_ELLIPSES = ("...", "…")


@dataclass(frozen=True, kw_only=True)
class GopherQuality(DocumentJudge):
    """Drops what does not read like prose: the quality rules of Gopher (arXiv 2112.11446, appendix A.1.1), its limits.

    Words, their mean length, hash signs and ellipses per word, shares of bullet lines (also list items), of lines that end
    in an ellipsis and of words with a letter, and how many different `stop_words` occur: the published ones are English, so
    another language brings its own or sets `stop_words_at_least: 0`. Text mostly in a script without spaces skips the mean
    length. A limit of null is off.
    """

    words_at_least: int | None = 50
    words_at_most: int | None = 100_000
    mean_length_at_least: float | None = 3.0
    mean_length_at_most: float | None = 10.0
    symbols_at_most: float | None = 0.1
    bullets_at_most: float | None = 0.9
    ellipses_at_most: float | None = 0.3
    alphabetic_at_least: float | None = 0.8
    stop_words_at_least: int = 2
    stop_words: tuple[str, ...] = ("the", "be", "to", "of", "and", "that", "have", "with")

    def judge(self, doc: Document) -> Drop | None:
        text = doc.text
        found = words(text)
        return (
            under("too_few_words", len(found), self.words_at_least)
            or over("too_many_words", len(found), self.words_at_most)
            or self._judge_words(text, found)
            or self._judge_symbols(text, max(len(found), 1))
            or self._judge_lines(doc, text)
        )

    def _judge_words(self, text: str, found: list[str]) -> Drop | None:
        count = max(len(found), 1)
        mean = None if mostly_unspaced(text, count) else sum(map(len, found)) / count
        alphabetic = sum(1 for word in found if word.isalpha() or any(map(str.isalpha, word)))
        return (
            (under("words_too_short", mean, self.mean_length_at_least) if mean is not None else None)
            or (over("words_too_long", mean, self.mean_length_at_most) if mean is not None else None)
            or under("too_few_alphabetic_words", alphabetic / count, self.alphabetic_at_least)
            or under("too_few_stop_words", self._stop_words_in(found), self.stop_words_at_least)
        )

    def _judge_symbols(self, text: str, count: int) -> Drop | None:
        ellipses = text.count("...") + text.count("…")
        return over("too_many_hash_signs", text.count("#") / count, self.symbols_at_most) or over(
            "too_many_ellipses", ellipses / count, self.symbols_at_most
        )

    def _judge_lines(self, doc: Document, text: str) -> Drop | None:
        all_lines = lines(text)
        count = max(len(all_lines), 1)
        body = [(t.role == "list_item", line) for t in doc.texts if t.origin == "body" for line in lines(t.text)]
        bullets = sum(1 for is_item, line in body if is_item or line.startswith(_BULLETS))
        return over("too_many_bullet_lines", bullets / count, self.bullets_at_most) or over(
            "too_many_ellipsis_lines", sum(1 for line in all_lines if line.endswith(_ELLIPSES)) / count, self.ellipses_at_most
        )

    @cached_property
    def _stops(self) -> frozenset[str]:
        return frozenset(word.lower() for word in self.stop_words)

    def _stop_words_in(self, found: list[str]) -> int:
        return len(self._stops.intersection(map(str.lower, found)))
