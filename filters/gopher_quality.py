from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from interloom.filters._judge import DocumentJudge, drop_if_above, drop_if_below
from interloom.filters._stop_words import language_of_prose, mean_length_limits
from interloom.filters._words import is_mostly_unspaced, lines, script_of, words
from interloom.pipeline.ranges import Amount, Count, Share
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop

_ENGLISH = ("the", "be", "to", "of", "and", "that", "have", "with")
_ENGLISH_WORD = 4.7
"""Mean letters of an English word."""
_LETTERS_OF_HANGUL = 2.5
"""Letters of a Hangul syllable."""
_BULLETS = ("•", "‣", "◦", "●", "▪", "- ", "* ")
_ELLIPSES = ("...", "…")


@dataclass(frozen=True, slots=True)
class _Prose:
    """The limits that hold for the language of a document, and how many different stop words it has."""

    words_at_least: int | None
    mean_length_at_least: float | None
    mean_length_at_most: float | None
    stop_words: int


@dataclass(frozen=True, kw_only=True)
class GopherQuality(DocumentJudge):
    """Drops documents that do not read like prose, by the quality rules of Gopher (arXiv 2112.11446, appendix A.1.1).

    The published limits hold for English. With `by_language`, a document without English stop words is judged as prose of
    the language whose function words it has most of, in the lists and with the mean word lengths of FineWeb-2 (arXiv
    2506.20920, its configs), about 80 languages; it needs as much text as so many English words have. Function words must be
    3.5 % of its words (our choice), because two also occur in a heap of letters. A document that is mostly in a script
    without spaces between words is not judged by the mean word length. A limit of null is off.

    Parameters:
        words_at_least: Documents with fewer words are dropped. Words. Default 50 (Gopher, appendix A.1.1).
        words_at_most: Documents with more words are dropped. Words. Default 100000 (Gopher, appendix A.1.1).
        mean_length_at_least: Minimum mean length of the words. Characters. Default 3.0 (Gopher, appendix A.1.1).
        mean_length_at_most: Maximum mean length of the words. Characters. Default 10.0 (Gopher, appendix A.1.1).
        symbols_at_most: Maximum number of hash signs per word, and of ellipses per word. Default 0.1 (Gopher, appendix A.1.1).
        bullets_at_most: Maximum share of lines that begin with a bullet or are list items. 0 to 1. Default 0.9 (Gopher,
            appendix A.1.1).
        ellipses_at_most: Maximum share of lines that end with an ellipsis. 0 to 1. Default 0.3 (Gopher, appendix A.1.1).
        alphabetic_at_least: Minimum share of words that contain a letter. 0 to 1. Default 0.8 (Gopher, appendix A.1.1).
        stop_words_at_least: Minimum number of different stop words that occur. Words. Default 2 (Gopher, appendix A.1.1).
        stop_words: The stop words, compared without regard to case. Default: the eight English words of Gopher, appendix
            A.1.1. If others are given, `by_language` is off.
        by_language: Whether documents in other languages are judged by the limits of their language. Default true, our choice.
    """

    words_at_least: Count | None = 50
    words_at_most: Count | None = 100_000
    mean_length_at_least: Amount | None = 3.0
    mean_length_at_most: Amount | None = 10.0
    symbols_at_most: Amount | None = 0.1
    bullets_at_most: Share | None = 0.9
    ellipses_at_most: Share | None = 0.3
    alphabetic_at_least: Share | None = 0.8
    stop_words_at_least: Count = 2
    stop_words: tuple[str, ...] = _ENGLISH
    by_language: bool = True

    def judge(self, doc: Document) -> Drop | None:
        text = doc.text
        all_words = words(text)
        prose = self._prose(text, all_words)
        return (
            drop_if_below("too_few_words", len(all_words), prose.words_at_least)
            or drop_if_above("too_many_words", len(all_words), self.words_at_most)
            or self._judge_words(text, all_words, prose)
            or self._judge_symbols(text, max(len(all_words), 1))
            or self._judge_lines(doc, text)
        )

    def _prose(self, text: str, all_words: list[str]) -> _Prose:
        """The published limits, or those of the document's language if it is not English."""
        lower = [word.lower() for word in all_words]
        english = len(self._lower_stop_words.intersection(lower))
        published = _Prose(self.words_at_least, self.mean_length_at_least, self.mean_length_at_most, english)
        if not all_words or not self.by_language or self.stop_words != _ENGLISH or english >= max(self.stop_words_at_least, 2):
            return published
        code = language_of_prose(text, lower, max(self.stop_words_at_least, 2))
        code = code or ("ko" if script_of(text) == "hangul" and not self.stop_words_at_least else "")
        if not code or code == "en":
            return published
        mean = sum(map(len, all_words)) / len(all_words) * (_LETTERS_OF_HANGUL if code == "ko" else 1)
        least = None if self.words_at_least is None else round(self.words_at_least * min(1.0, _ENGLISH_WORD / mean))
        shortest, longest = mean_length_limits(code)
        return _Prose(
            least,
            None if self.mean_length_at_least is None else shortest,
            None if self.mean_length_at_most is None else longest,
            self.stop_words_at_least,
        )

    def _judge_words(self, text: str, all_words: list[str], prose: _Prose) -> Drop | None:
        count = max(len(all_words), 1)
        mean = None if is_mostly_unspaced(text, count) else sum(map(len, all_words)) / count
        alphabetic = sum(1 for word in all_words if word.isalpha() or any(map(str.isalpha, word)))
        return (
            (drop_if_below("words_too_short", mean, prose.mean_length_at_least) if mean is not None else None)
            or (drop_if_above("words_too_long", mean, prose.mean_length_at_most) if mean is not None else None)
            or drop_if_below("too_few_alphabetic_words", alphabetic / count, self.alphabetic_at_least)
            or drop_if_below("too_few_stop_words", prose.stop_words, self.stop_words_at_least)
        )

    def _judge_symbols(self, text: str, word_count: int) -> Drop | None:
        ellipses = text.count("...") + text.count("…")
        return drop_if_above("too_many_hash_signs", text.count("#") / word_count, self.symbols_at_most) or drop_if_above(
            "too_many_ellipses", ellipses / word_count, self.symbols_at_most
        )

    def _judge_lines(self, doc: Document, text: str) -> Drop | None:
        all_lines = lines(text)
        count = max(len(all_lines), 1)
        body = [(t.role == "list_item", line) for t in doc.texts if t.origin == "body" for line in lines(t.text)]
        bullets = sum(1 for is_item, line in body if is_item or line.startswith(_BULLETS))
        ellipses = sum(1 for line in all_lines if line.endswith(_ELLIPSES))
        return drop_if_above("too_many_bullet_lines", bullets / count, self.bullets_at_most) or drop_if_above(
            "too_many_ellipsis_lines", ellipses / count, self.ellipses_at_most
        )

    @cached_property
    def _lower_stop_words(self) -> frozenset[str]:
        return frozenset(word.lower() for word in self.stop_words)
