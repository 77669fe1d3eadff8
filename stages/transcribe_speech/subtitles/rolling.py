"""Removes the repetitions of rolling captions: automatic captions show in each cue again what the cue before showed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from interloom.stages.transcribe_speech.speech import Word, sort_words
from interloom.stages.transcribe_speech.subtitles.cues import Cue

_MIN_ROLLING_SHARE = 0.3
"""Captions roll if at least this share of the cues begins with words of the cue before, and two cues at least; captions that do
not roll have almost no such cues. Our choice."""
_MAX_OVERLAP = 80
"""Words that are compared, at most; our choice."""
_MIN_OVERLAP = 3
"""So many equal words are a repetition, even if they are not a whole line or cue; our choice."""
_MAX_PAUSE_S = 1.0
"""Equal words after a longer pause are not a repetition; our choice."""


def spoken_words(cues: Sequence[Cue]) -> list[Word]:
    """The words of all cues in order of time, without the repetitions of rolling captions.

    Cues "so", "so today", "so today we" -> "so", "today", "we"
    """
    overlaps = [0, *(_overlap(before, cue) for before, cue in pairwise(cues))]
    is_rolling = sum(bool(count) for count in overlaps) >= max(2, _MIN_ROLLING_SHARE * len(cues))
    kept = [cue.words[count:] if is_rolling else cue.words for count, cue in zip(overlaps, cues, strict=True)]
    return sort_words([word for words in kept for word in words])


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


def _texts(words: Sequence[Word]) -> list[str]:
    return [word.text.strip().casefold() for word in words]
