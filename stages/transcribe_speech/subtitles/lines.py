"""The cues of formats with a line, or a line of times, for each cue: SBV (YouTube) and SubViewer (1 and 2), MicroDVD, LRC."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from interloom.stages.transcribe_speech.subtitles.raw_cue import RawCue, clock_seconds, clock_stamp, until_next

_TIME = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})(?:\.(\d{1,3}))?"
SBV_HEAD = re.compile(rf"^\s*{_TIME}\s*,\s*{_TIME}\s*$")
_BROKEN_SBV_HEAD = re.compile(r"^\s*\d{1,4}:\d{1,2}:[\d:.,\s]*$")
"""Times that cannot be read still begin a cue, which is left out."""
_CUT_OFF_SBV_HEAD = re.compile(r"^\d{1,4}(?::[\d:.,]*)?$")
"""What is left of times where a file was cut off."""
_SUBVIEWER_BREAK = re.compile(r"\[br\]", re.IGNORECASE)
SUBVIEWER_1_HEAD = re.compile(r"^\s*\[(\d{1,2}):(\d{1,2}):(\d{1,2})\]\s*$")
MICRODVD_LINE = re.compile(r"^\s*\{(\d{1,9})\}\{(\d{0,9})\}(.*)$")
_CUT_OFF_CODE = re.compile(r"\{(?:[a-zA-Z](?::[^{}]{0,100})?)?$")
_RATE = re.compile(r"^\s*(\d{1,3}(?:[.,]\d{1,6})?)\s*(?:fps)?\s*$", re.IGNORECASE)
_MICRODVD_FPS = 24000 / 1001
"""Frames a second if neither the file nor the video states them: that of films, as FFmpeg assumes."""
LRC_LINE = re.compile(r"^\s*((?:\[\d{1,3}:\d{1,2}(?:[.:,]\d{1,3})?\]\s*)+)(.*)$")
_CUT_OFF_STAMP = re.compile(r"[<\[][\d:.]*$")
_LRC_STAMP = re.compile(r"[<\[](\d{1,3}):(\d{1,2})(?:[.:,](\d{1,3}))?[\]>]")
_LRC_TAG = re.compile(r"^\s*\[(offset|la)\s*:\s*([^\[\]]{0,100})\]\s*$", re.IGNORECASE)
_WHOLE_NUMBER = re.compile(r"^[+-]?\d{1,7}$")


def sbv(lines: Sequence[str]) -> Iterator[RawCue]:
    """The cues of SBV, and of SubViewer, which breaks lines by `[br]`: a cue lasts until the next line of times.

    "0:00:01.500,0:00:04.000", "One", "two" -> "One", "two" 1.5 to 4.0
    """
    cue: RawCue | None = None
    text = list[str]()
    if len(lines) > 1 and not lines[-2].strip() and _CUT_OFF_SBV_HEAD.match(lines[-1]):
        lines = lines[:-1]
    for line in [*lines, "0:0:"]:  # the last one ends the last cue
        times = SBV_HEAD.match(line)
        if times or _BROKEN_SBV_HEAD.match(line):
            if cue is not None:
                yield replace(cue, lines=text)
            parts = times.groups() if times else ()
            cue, text = RawCue(clock_seconds(parts[:4]), clock_seconds(parts[4:]), ()) if times else None, []
        elif line.strip():
            text += _SUBVIEWER_BREAK.split(line)


def subviewer_1(lines: Sequence[str]) -> Iterator[RawCue]:
    """The cues of SubViewer 1: a line with a time, and what is shown from then on, which may be nothing.

    "[00:00:01]", "One|two", "[00:00:04]", "" -> "One", "two" 1.0 to 4.0
    """
    end_of_text = next((n for n, line in enumerate(lines) if line.strip().upper() == "[END]"), len(lines))
    matches = ((n, SUBVIEWER_1_HEAD.match(line)) for n, line in enumerate(lines[:end_of_text]))
    heads = [(n, clock_seconds((*head.groups(), None))) for n, head in matches if head]
    ends = [*(n for n, _ in heads[1:]), end_of_text]
    yield from until_next(
        RawCue(start_s, 0.0, [part for line in lines[n + 1 : end] for part in line.split("|")])
        for (n, start_s), end in zip(heads, ends, strict=True)
    )


def microdvd(lines: Sequence[str], fps: float) -> Iterator[RawCue]:
    """The cues of MicroDVD, whose times are numbers of frames. The first line may state the frames a second, else `fps` counts.

    "{25}{50}One|/two" at 25 frames a second -> "One", "two" 1.0 to 2.0
    """
    read = [parts.groups() for line in lines if (parts := MICRODVD_LINE.match(line))]
    stated = _RATE.match(read[0][2]) if read and int(read[0][0]) <= 1 and int(read[0][1] or 0) <= 1 else None
    if stated is not None:
        fps, read = float(stated[1].replace(",", ".")), read[1:]
    rate = fps or _MICRODVD_FPS
    yield from until_next(
        RawCue(
            int(start) / rate, int(end or 0) / rate, [line.removeprefix("/") for line in _CUT_OFF_CODE.sub("", text).split("|")]
        )
        for start, end, text in read
    )


def lrc(lines: Sequence[str]) -> Iterator[RawCue]:
    """The lines of lyrics (LRC), each until the next one begins; words may have stamps of their own.

    "[la:en]", "[offset:500]", "[00:01.50][00:09.50]Oh", "[00:03.50]<00:03.50>my <00:04.00>love"
    -> "Oh" 1.0 to 3.0, "<0:00:03.000>my <0:00:03.500>love" 3.0 to 9.0, "Oh" from 9.0
    """
    tags = {tag[1].lower(): tag[2].strip() for line in lines if (tag := _LRC_TAG.match(line))}
    offset = tags.get("offset", "")
    earlier_s = int(offset) / 1000 if _WHOLE_NUMBER.match(offset) else 0.0

    def seconds(stamp: re.Match[str]) -> float:
        return max(0.0, clock_seconds((None, *stamp.groups())) - earlier_s)

    def stamped(stamp: re.Match[str]) -> str:
        return clock_stamp(seconds(stamp))

    read = [parts for line in lines if (parts := LRC_LINE.match(line))]
    yield from until_next(
        RawCue(seconds(stamp), 0.0, [_LRC_STAMP.sub(stamped, _CUT_OFF_STAMP.sub("", parts[2]))], tags.get("la", ""))
        for parts in read
        for stamp in _LRC_STAMP.finditer(parts[1])
    )
