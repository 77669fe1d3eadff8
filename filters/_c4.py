"""C4's rules for a single line (JMLR 21(140), section 2.2), shared by `c4_lines` and `c4_quality`."""

from __future__ import annotations

import re

from interloom.filters._judge import drop_if_above, drop_if_below
from interloom.filters._words import TERMINAL, script_of, words
from interloom.schemas.outcome import Drop

_POLICIES = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")
_CITATION = re.compile(r"(?:\[(?:\d{0,4}|edit|citation needed)\]\s*)+$")
_CITATION_CHARACTERS = 100
"""Only this many characters at the end of a line are searched for citations, so that the time is linear. Our choice."""
_KOREAN_WORDS = 0.75
"""Korean words that say as much as an English word; our choice."""
MAX_WORD_CHARACTERS = 1000
"""C4 removes lines with a longer word (in the released code, not in the paper)."""


def judge_line(line: str, words_at_least: int, terminal_punctuation: bool) -> Drop | None:
    """Returns the reason why C4 removes this stripped line, or None if C4 keeps it."""
    if terminal_punctuation and not ends_a_sentence(line):
        return Drop("not_ended_by_punctuation")
    return (
        drop_if_below("too_few_words", len(words(line)), _fewest_words(line, words_at_least))
        or drop_if_above("word_too_long", _longest_overlong_word(line), MAX_WORD_CHARACTERS)
        or _judge_phrases(line.lower())
    )


def _fewest_words(line: str, words_at_least: int) -> int:
    """Returns how many words C4 wants of the line: in Korean two instead of three, because particles are no words there."""
    return round(words_at_least * _KOREAN_WORDS) if script_of(line) == "hangul" else words_at_least


def ends_a_sentence(line: str) -> bool:
    """Returns whether the line ends in terminal punctuation, which citations may follow. An ellipsis does not count.

    Examples: "He left.[3]" -> True, "He left..." -> False, "He left" -> False.
    """
    tail = _CITATION.sub("", line[-_CITATION_CHARACTERS:]) if line.endswith("]") else line
    return tail.endswith(TERMINAL) and not tail.endswith("...")


def _judge_phrases(line: str) -> Drop | None:
    if "javascript" in line:
        return Drop("named_javascript")
    return Drop("named_policy") if any(phrase in line for phrase in _POLICIES) else None


def _longest_overlong_word(line: str) -> int:
    """Returns the length of the longest word, or 0 if the line is too short to hold a word over the limit."""
    return max(map(len, line.split()), default=0) if len(line) > MAX_WORD_CHARACTERS else 0
