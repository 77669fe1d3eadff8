"""The rules of C4 for one line (JMLR 21(140), section 2.2), for the filter of lines and the filter of documents."""

from __future__ import annotations

import re

from interloom.filters._judge import over, under
from interloom.filters._words import TERMINAL, words
from interloom.schemas.outcome import Drop

_POLICIES = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")
_CITATION = re.compile(r"(?:\[(?:\d{0,4}|edit|citation needed)\]\s*)+$")
_TAIL = 100  # characters in which references may stand at the end of a line, so that no line costs more than linear time
WORD_AT_MOST = 1000
"""Characters of the longest word a line may have (from the released code, not the paper)."""


def judge_line(line: str, words_at_least: int, terminal: bool) -> Drop | None:
    """Why C4 takes this line (stripped) out, or None."""
    if terminal and not ends_a_sentence(line):
        return Drop("not_ended_by_punctuation")
    return (
        under("too_few_words", len(words(line)), words_at_least)
        or over("word_too_long", _longest(line), WORD_AT_MOST)
        or _judge_phrases(line.lower())
    )


def ends_a_sentence(line: str) -> bool:
    """Whether it ends in terminal punctuation, references such as `[3]` behind it aside; an ellipsis is none."""
    tail = _CITATION.sub("", line[-_TAIL:]) if line.endswith("]") else line
    return tail.endswith(TERMINAL) and not tail.endswith("...")


def _judge_phrases(line: str) -> Drop | None:
    if "javascript" in line:
        return Drop("named_javascript")
    return Drop("named_policy") if any(phrase in line for phrase in _POLICIES) else None


def _longest(line: str) -> int:
    return max(map(len, line.split()), default=0) if len(line) > WORD_AT_MOST else 0
