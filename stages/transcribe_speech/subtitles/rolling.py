"""Automatic captions roll: each cue shows again what the one before showed. Folded, every word is said once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from interloom.stages.transcribe_speech.speech import Word, in_order
from interloom.stages.transcribe_speech.subtitles.cues import Cue

_ROLLING = 0.3
"""Share of cues that begin with words of the one before; in captions that do not roll, it is near none."""
_LONGEST = 80
_NEAR_S = 1.0


def spoken(cues: Sequence[Cue]) -> list[Word]:
    """The words of all cues in order of time, without those that rolled in from the cue before."""
    overlaps = [0, *(_overlap(before, cue) for before, cue in pairwise(cues))]
    rolls = sum(bool(n) for n in overlaps) >= max(2, _ROLLING * len(cues))
    kept = [cue.words[n:] if rolls else cue.words for n, cue in zip(overlaps, cues, strict=True)]
    return in_order([word for words in kept for word in words])


def _overlap(before: Cue, cue: Cue) -> int:
    """How many words the cue takes over: a whole line, a whole cue, or three words and more. The same words said again after
    a pause are none."""
    if cue.start_s - before.end_s > _NEAR_S:
        return 0
    old, new = _texts(before.words)[-_LONGEST:], _texts(cue.words)[:_LONGEST]
    whole = {len(cue.words), len(before.words), len(cue.lines[0])}
    sizes = range(min(len(old), len(new)), 0, -1)
    return next((n for n in sizes if old[-n:] == new[:n] and (n >= 3 or n in whole)), 0)


def _texts(words: Sequence[Word]) -> list[str]:
    return [word.text.strip().casefold() for word in words]
