"""The words of cues in the order in which they are spoken, without what rolling captions show again in the next cue."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from math import inf

from interloom.stages.transcribe_speech.speech import Word, in_turn
from interloom.stages.transcribe_speech.subtitles.cues import Cue

_MIN_ROLLING_SHARE = 0.3
"""Captions roll if at least this share of the cues begins with words of the cue before, and two cues at least; captions that do
not roll have almost no such cues. Our choice."""
_MAX_OVERLAP = 80
"""Words that are compared, at most; our choice."""
_MIN_OVERLAP = 3
"""So many equal words are a repetition, even if they are not a whole line or cue; our choice."""
_BRIEF_S = 0.5
"""Nobody says a cue in so short a time and then says it again; our choice."""
_MAX_PAUSE_S = 1.0
"""Equal words after a longer pause are not a repetition; our choice."""
_LONGEST_S = 20.0
"""What a cue says is spoken in so many seconds or, if it is long, at this rate, however long the cue is shown; our choice."""
_SLOWEST_CHARACTERS_S = 4
_TOGETHER_S = 0.1
"""Cues that begin within this time begin together, as two speakers in one picture do; our choice."""


def spoken_words(cues: Sequence[Cue]) -> list[Word]:
    """The words of all cues, cue by cue, without the repetitions of rolling captions. No word overlaps the next.

    Cues "so", "so today", "so today we" -> "so", "today", "we"
    """
    overlaps = [0, *(_overlap(before, cue) for before, cue in pairwise(cues))]
    rolls = [_rolls(before, cue, count) for (before, cue), count in zip(pairwise(cues), overlaps[1:], strict=True)]
    is_rolling = sum(rolls) >= max(2, _MIN_ROLLING_SHARE * len(cues))
    kept = zip(cues, overlaps if is_rolling else [0] * len(cues), strict=True)
    spoken = list(_joined(_Spoken(cue.start_s, cue.end_s, cue.words[count:], cue.is_stamped) for cue, count in kept))
    return _in_order([word for part, after in zip(spoken, [*spoken[1:], None], strict=True) for word in part.before(after)])


@dataclass(frozen=True, slots=True)
class _Spoken:
    """What a cue says that the cue before did not."""

    start_s: float
    end_s: float
    words: tuple[Word, ...]
    is_stamped: bool

    def before(self, after: _Spoken | None) -> Sequence[Word]:
        """The words with their times: those without time stamps are spoken before the next cue begins."""
        if self.is_stamped:
            return self.words
        characters = sum(len(word.text) for word in self.words)
        longest_s = max(_LONGEST_S, characters / _SLOWEST_CHARACTERS_S)
        end_s = min(self.end_s, self.start_s + longest_s, inf if after is None else after.start_s)
        return in_turn(self.words, self.start_s, end_s)


def _joined(parts: Iterable[_Spoken]) -> Iterator[_Spoken]:
    """Yields the parts that say anything; those that begin together become one, in the order of the file, the same text once."""
    group: list[_Spoken] = []
    for part in parts:
        if group and part.words and part.start_s - group[0].start_s >= _TOGETHER_S:
            yield _one(group)
            group = []
        if part.words and _texts(part.words) not in [_texts(other.words) for other in group]:
            group.append(part)
    if group:
        yield _one(group)


def _one(group: Sequence[_Spoken]) -> _Spoken:
    words = tuple(word for part in group for word in part.words)
    return _Spoken(group[0].start_s, max(part.end_s for part in group), words, any(part.is_stamped for part in group))


def _in_order(words: Sequence[Word]) -> list[Word]:
    """The words in the same order; each begins at the earliest when the one before begins, and ends when the next begins."""
    starts = list(accumulate((word.start_s for word in words), max))
    ends = [min(max(start, word.end_s), after) for word, start, after in zip(words, starts, [*starts[1:], inf], strict=True)]
    return [replace(word, start_s=start, end_s=end) for word, start, end in zip(words, starts, ends, strict=True)]


def _overlap(before: Cue, cue: Cue) -> int:
    """How many words at the start of a cue repeat the end of the cue before: a whole line, a whole cue, or three words and more.

    "the first line", then "the first line" above "goes on" -> 3
    """
    if cue.start_s - before.end_s > _MAX_PAUSE_S:
        return 0
    old, new = _texts(before.words)[-_MAX_OVERLAP:], _texts(cue.words)[:_MAX_OVERLAP]
    whole = {len(cue.words), len(before.words), len(cue.lines[0])}
    counts = range(min(len(old), len(new)), 0, -1)
    return next((n for n in counts if old[-n:] == new[:n] and (n >= _MIN_OVERLAP or n in whole)), 0)


def _rolls(before: Cue, cue: Cue, count: int) -> bool:
    """Whether a cue that repeats `count` words of the one before does so because the captions roll.

    It says something new, too, or one of the two is shown for a moment only. What is shown twice for longer is said twice.
    """
    is_brief = min(before.end_s - before.start_s, cue.end_s - cue.start_s) < _BRIEF_S
    return bool(count) and (count < len(cue.words) or is_brief)


def _texts(words: Sequence[Word]) -> list[str]:
    return [word.text.strip().casefold() for word in words]
