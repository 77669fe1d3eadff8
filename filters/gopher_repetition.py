from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from interloom.filters._judge import DocumentJudge, drop_if_above
from interloom.filters._words import UNSPACED, count_repeats, lines, words
from interloom.pipeline.ranges import Share
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop

_BLANK_LINE = re.compile(r"\n\s*\n")


@dataclass(frozen=True, kw_only=True)
class GopherRepetition(DocumentJudge):
    """Drops documents that repeat themselves, by the repetition rules of Gopher (arXiv 2112.11446, table A1).

    The first occurrence of a line or paragraph is not counted as a repetition. Shares of characters are shares of the whole
    text, spaces included. The limits are published for English, and no plain prose of 75 languages breaks them; in scripts
    without spaces each letter counts as a word.

    Parameters:
        lines_at_most: Maximum share of lines that repeat an earlier line. 0 to 1. Default 0.30 (Gopher, table A1).
        line_characters_at_most: Maximum share of characters in repeated lines. 0 to 1. Default 0.20 (Gopher, table A1).
        paragraphs_at_most: Maximum share of paragraphs that repeat an earlier one. 0 to 1. Default 0.30 (Gopher, table A1).
        paragraph_characters_at_most: Maximum share of characters in repeated paragraphs. 0 to 1. Default 0.20 (Gopher, table
            A1).
        top_at_most: Maximum shares of characters in all occurrences of the most frequent 2-, 3- and 4-gram of words, in this
            order; an n-gram that occurs once is not counted. 0 to 1. Default 0.20, 0.18, 0.16 (Gopher, table A1).
        repeated_at_most: Maximum shares of characters in repeated 5- to 10-grams of words, in this order; overlapping
            repeats count once. 0 to 1. Default 0.15, 0.14, 0.13, 0.12, 0.11, 0.10 (Gopher, table A1).
    """

    lines_at_most: Share = 0.30
    line_characters_at_most: Share = 0.20
    paragraphs_at_most: Share = 0.30
    paragraph_characters_at_most: Share = 0.20
    top_at_most: tuple[Share, ...] = (0.20, 0.18, 0.16)
    repeated_at_most: tuple[Share, ...] = (0.15, 0.14, 0.13, 0.12, 0.11, 0.10)

    def judge(self, doc: Document) -> Drop | None:
        text = doc.text.strip()
        if not text:
            return None
        return self._judge_blocks(text) or self._judge_grams(words(text), len(text))

    def _judge_blocks(self, text: str) -> Drop | None:
        paragraphs, all_lines = _BLANK_LINE.split(text), lines(text)
        repeats, characters = count_repeats(paragraphs)
        line_repeats, line_characters = count_repeats(all_lines)
        return (
            drop_if_above("paragraphs_repeated", repeats / len(paragraphs), self.paragraphs_at_most)
            or drop_if_above("paragraph_characters_repeated", characters / len(text), self.paragraph_characters_at_most)
            or drop_if_above("lines_repeated", line_repeats / len(all_lines), self.lines_at_most)
            or drop_if_above("line_characters_repeated", line_characters / len(text), self.line_characters_at_most)
        )

    def _judge_grams(self, all_words: list[str], text_length: int) -> Drop | None:
        for n, at_most in enumerate(self.top_at_most, 2):
            if drop := drop_if_above(f"top_{n}_gram_repeated", _top_gram_characters(all_words, n) / text_length, at_most):
                return drop
        for n, at_most in enumerate(self.repeated_at_most, 5):
            repeated = _repeated_gram_characters(all_words, n)
            if drop := drop_if_above(f"{n}_grams_repeated", repeated / text_length, at_most):
                return drop
            if not repeated:  # without a repeated n-gram there is no repeated (n + 1)-gram either
                return None
        return None


def _grams(all_words: list[str], n: int) -> zip[tuple[str, ...]]:
    """Yields the n-grams of the words. Example: `["a", "b", "c"]`, 2 -> ("a", "b"), ("b", "c")."""
    return zip(*(all_words[start:] for start in range(n)), strict=False)


def _top_gram_characters(all_words: list[str], n: int) -> int:
    """Returns the characters in all occurrences of the most frequent n-gram, the spaces in it included.

    0 if no n-gram occurs twice. Example: `["good", "dog", "a", "good", "dog"]`, 2 -> 16 (twice "good dog").
    """
    gram, count = max(Counter(_grams(all_words, n)).items(), key=lambda item: item[1], default=((), 0))
    if count < 2:
        return 0
    spaces = 0 if UNSPACED.match(gram[0]) else n - 1
    return count * (sum(map(len, gram)) + spaces)


def _repeated_gram_characters(all_words: list[str], n: int) -> int:
    """Returns the characters of the words in n-grams that occurred before; overlapping repeats count once.

    After a repeat the search goes on behind its last word. Example: `["ab", "c", "ab", "c", "ab", "c"]`, 2 -> 6.
    """
    grams = list(_grams(all_words, n))
    if len(set(grams)) == len(grams):
        return 0
    seen: set[tuple[str, ...]] = set()
    characters = next_start = 0
    for start, gram in enumerate(grams):
        if start >= next_start and gram in seen:
            characters, next_start = characters + sum(map(len, gram)), start + n
        elif start >= next_start:
            seen.add(gram)
    return characters
