from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from interloom.filters._judge import DocumentJudge, over
from interloom.filters._words import UNSPACED, lines, repeats, words
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop

_BLANK = re.compile(r"\n\s*\n")


@dataclass(frozen=True, kw_only=True)
class GopherRepetition(DocumentJudge):
    """Drops what says the same again and again: the repetition rules of Gopher (arXiv 2112.11446, table A1), its limits.

    Shares of repeated lines and paragraphs (of their number and of the text's characters, each first time not counted), of
    characters in the most frequent 2-, 3- and 4-gram of words (`top_at_most`; once is no repetition), and in repeated 5- to
    10-grams (`repeated_at_most`; overlapping ones counted once). All are of the whole text, spaces included.
    """

    lines_at_most: float = 0.30
    line_characters_at_most: float = 0.20
    paragraphs_at_most: float = 0.30
    paragraph_characters_at_most: float = 0.20
    top_at_most: tuple[float, ...] = (0.20, 0.18, 0.16)
    repeated_at_most: tuple[float, ...] = (0.15, 0.14, 0.13, 0.12, 0.11, 0.10)

    def judge(self, doc: Document) -> Drop | None:
        text = doc.text.strip()
        if not text:
            return None
        return self._judge_blocks(text) or self._judge_grams(words(text), len(text))

    def _judge_blocks(self, text: str) -> Drop | None:
        paragraphs, all_lines = _BLANK.split(text), lines(text)
        again, characters = repeats(paragraphs)
        line_again, line_characters = repeats(all_lines)
        return (
            over("paragraphs_repeated", again / len(paragraphs), self.paragraphs_at_most)
            or over("paragraph_characters_repeated", characters / len(text), self.paragraph_characters_at_most)
            or over("lines_repeated", line_again / len(all_lines), self.lines_at_most)
            or over("line_characters_repeated", line_characters / len(text), self.line_characters_at_most)
        )

    def _judge_grams(self, found: list[str], length: int) -> Drop | None:
        for n, at_most in enumerate(self.top_at_most, 2):
            if drop := over(f"top_{n}_gram_repeated", _top(found, n) / length, at_most):
                return drop
        for n, at_most in enumerate(self.repeated_at_most, 5):
            repeated = _repeated(found, n)
            if drop := over(f"{n}_grams_repeated", repeated / length, at_most):
                return drop
            if not repeated:  # then no longer one is repeated either
                return None
        return None


def _grams(found: list[str], n: int) -> zip[tuple[str, ...]]:
    return zip(*(found[start:] for start in range(n)), strict=False)


def _top(found: list[str], n: int) -> int:
    """Characters in all occurrences of the most frequent n-gram, spaces within it included; 0 when none comes twice."""
    gram, count = max(Counter(_grams(found, n)).items(), key=lambda item: item[1], default=((), 0))
    if count < 2:
        return 0
    spaces = 0 if UNSPACED.match(gram[0]) else n - 1
    return count * (sum(map(len, gram)) + spaces)


def _repeated(found: list[str], n: int) -> int:
    """Characters of the words in n-grams that stood there before; after one, the next is looked for behind it."""
    grams = list(_grams(found, n))
    if len(set(grams)) == len(grams):
        return 0
    seen: set[tuple[str, ...]] = set()
    characters = free = 0
    for start, gram in enumerate(grams):
        if start >= free and gram in seen:
            characters, free = characters + sum(map(len, gram)), start + n
        elif start >= free:
            seen.add(gram)
    return characters
