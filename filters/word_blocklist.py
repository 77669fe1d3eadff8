from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from interloom.filters._blocklist import missing_file_problem, read_entries
from interloom.filters._judge import DocumentJudge, drop_if_above
from interloom.filters._words import words
from interloom.pipeline.ranges import Count, Share
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop
from interloom.schemas.text_forms import comparable_text


@dataclass(frozen=True, kw_only=True)
class WordBlocklist(DocumentJudge):
    """Drops documents in which blocked words or phrases occur too often.

    Words are compared without regard to case. In scripts without spaces between words an entry matches wherever its letters
    follow each other. C4 drops a document at the first bad word; `count_at_most: 0` does the same.

    Parameters:
        words: Blocked words and phrases. Default: none.
        file: A file, local or `s3://`, with one more entry a line. Default: no file.
        share_at_most: Maximum share of occurrences among all words (`blocked_words_share_too_high`). 0 to 1; null is off.
            Default 0.01 (OBELICS, arXiv 2306.16527, appendix A.2).
        count_at_most: Maximum number of occurrences (`too_many_blocked_words`). Null is off. Default null.
    """

    words: tuple[str, ...] = ()
    file: str = ""
    share_at_most: Share | None = 0.01
    count_at_most: Count | None = None

    def check(self) -> Iterable[str]:
        if not self.words and not self.file:
            yield "filters.word_blocklist: no words are given; give words, file or both"
        yield from missing_file_problem("filters.word_blocklist", self.file)

    def files(self) -> Iterable[str]:
        return [self.file] if self.file else []

    def judge(self, doc: Document) -> Drop | None:
        doc_words = words(comparable_text(doc.text))
        count = sum(1 for at, word in enumerate(doc_words) if word in self._phrases and self._begins_phrase(doc_words, at))
        share = count / max(len(doc_words), 1)
        return drop_if_above("too_many_blocked_words", count, self.count_at_most) or drop_if_above(
            "blocked_words_share_too_high", share, self.share_at_most
        )

    def _begins_phrase(self, doc_words: list[str], at: int) -> bool:
        """Returns whether a blocked phrase begins at the word with index `at`."""
        return any(doc_words[at : at + len(phrase)] == phrase for phrase in self._phrases[doc_words[at]])

    @cached_property
    def _phrases(self) -> dict[str, list[list[str]]]:
        """The entries as lists of words, by their first word: "slot machine" -> `{"slot": [["slot", "machine"]]}`."""
        phrases: dict[str, list[list[str]]] = {}
        for entry in read_entries(self.words, self.file):
            if phrase := words(comparable_text(entry)):
                phrases.setdefault(phrase[0], []).append(phrase)
        return phrases
