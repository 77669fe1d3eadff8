from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from interloom.filters._blocklist import entries, missing
from interloom.filters._judge import DocumentJudge, over
from interloom.filters._words import words
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop


@dataclass(frozen=True, kw_only=True)
class WordBlocklist(DocumentJudge):
    """Drops documents with too many of these words or phrases (any case), as a share of all words or as a number.

    `file` adds entries, one a line. 0.01 is OBELICS' limit for flagged words (arXiv 2306.16527, appendix A.2); C4 drops at
    the first one (`count_at_most: 0`). In scripts without spaces an entry is found wherever its letters follow each other.
    """

    words: tuple[str, ...] = ()
    file: str = ""
    share_at_most: float | None = 0.01
    count_at_most: int | None = None

    def check(self) -> Iterable[str]:
        if not self.words and not self.file:
            yield "filters.word_blocklist: it has no words; give words, file or both"
        yield from missing("filters.word_blocklist", self.file)

    def files(self) -> Iterable[str]:
        return [self.file] if self.file else []

    def judge(self, doc: Document) -> Drop | None:
        found = words(doc.text.lower())
        count = sum(1 for at, word in enumerate(found) if word in self._phrases and self._begins(found, at))
        share = count / max(len(found), 1)
        return over("too_many_blocked_words", count, self.count_at_most) or over(
            "blocked_words_share_too_high", share, self.share_at_most
        )

    def _begins(self, found: list[str], at: int) -> bool:
        return any(found[at : at + len(phrase)] == phrase for phrase in self._phrases[found[at]])

    @cached_property
    def _phrases(self) -> dict[str, list[list[str]]]:
        """The entries as lists of words, by their first word."""
        phrases: dict[str, list[list[str]]] = {}
        for entry in entries(self.words, self.file):
            if phrase := words(entry):
                phrases.setdefault(phrase[0], []).append(phrase)
        return phrases
