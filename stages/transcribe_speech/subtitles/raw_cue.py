"""A cue as its file states it, and what readers of several formats share: time stamps, open ends, tracks of languages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as with_fields

from interloom.pipeline.languages import plain_code

CLOCK = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})(?!\d)"
"""A time stamp inside a line of text."""


@dataclass(frozen=True, slots=True)
class RawCue:
    """Start and end in seconds, the lines with their markup, and the language that the file states ("" if none)."""

    start_s: float
    end_s: float
    lines: Sequence[str]
    language: str = ""


def clock_seconds(clock: Sequence[str | None]) -> float:
    """Hours, minutes, seconds and decimals in seconds: (None, "1", "02", "5") -> 62.5."""
    hours, minutes, seconds = (int(part or 0) for part in clock[:3])
    return hours * 3600 + minutes * 60 + seconds + float(f"0.{int(clock[3]):0{len(clock[3])}d}" if clock[3] else 0)


def clock_stamp(seconds: float) -> str:
    """A time stamp before a word, as WebVTT has it: 62.5 -> "<0:01:02.500>"."""
    ms = round(max(0.0, seconds) * 1000)
    return f"<{ms // 3_600_000}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}.{ms % 1000:03}>"


def until_next(cues: Iterable[RawCue]) -> Iterator[RawCue]:
    """Sorts cues by start; one whose end is not behind its start lasts until a later one begins. Cues without text are left out.

    From 1.0 s "One", from 2.0 s "Two", from 3.0 s "" -> "One" 1.0 to 2.0, "Two" 2.0 to 3.0
    """
    ordered = sorted(cues, key=lambda cue: cue.start_s)
    ends, later = list[float](), 0.0
    for cue, after in zip(reversed(ordered), [None, *reversed(ordered)], strict=False):
        later = after.start_s if after is not None and after.start_s > cue.start_s else later
        ends.append(later)
    for cue, end_s in zip(ordered, reversed(ends), strict=True):
        if any(line.strip() for line in cue.lines):
            yield cue if cue.end_s > cue.start_s else with_fields(cue, end_s=end_s)


def in_language(tracks: Mapping[str, Sequence[RawCue]], language: str) -> Sequence[RawCue]:
    """The cues of the first track in this language, else those of the first track that has any."""
    with_text = [track for track in tracks.values() if track]
    same = [track for track in with_text if language and plain_code(track[0].language) == plain_code(language)]
    return next(iter([*same, *with_text]), ())
