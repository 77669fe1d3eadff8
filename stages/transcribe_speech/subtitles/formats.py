"""The cues of subtitle files as they are written: tells the format, and reads SRT, WebVTT and ASS/SSA."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from interloom.stages.transcribe_speech.subtitles import lines as line_formats
from interloom.stages.transcribe_speech.subtitles.raw_cue import RawCue, clock_seconds
from interloom.stages.transcribe_speech.subtitles.sami import is_sami, sami
from interloom.stages.transcribe_speech.subtitles.ttml import is_ttml, ttml

_COLON = r"\s{0,3}[:：]\s{0,3}"
_LENIENT = rf"(-?)(?:(\d{{1,4}}){_COLON})?(\d{{1,3}}){_COLON}(\d{{1,2}})(?:\s?[.,:;，．：]\s?(\d{{1,9}}))?(?!\d)"
"""A time as it is written in the wild: without hours or decimals, with any decimal sign, with spaces, full-width."""
_ARROW = r"(?:[-–—−=]{1,4}\s?(?:>|&gt;)|[→⇒⟶])"
_NUMBER = r"#?\d{1,9}[.):]?"
_TIMES = re.compile(rf"^\s*(?:{_NUMBER}\s+)?{_LENIENT}\s*{_ARROW}\s*{_LENIENT}")
_BROKEN_TIMES = re.compile(rf"^\s*\d{{1,4}}\s?:.{{0,40}}{_ARROW}|^.{{0,40}}{_ARROW}\s*\d{{1,4}}\s?:")
"""Times that cannot be read still begin a cue, which is left out."""
_IS_NUMBER = re.compile(r"^\s*#?(\d{1,3}(?:[,.\u202f]\d{3})+|\d{1,9})[.):]?\s*$")
_CUT_TIMES = re.compile(r"^\s*\d{1,2}:\d{2}:\d{0,2}(?:[.,]\d{0,3})?\s*[-–]{0,3}\s*$")
"""The beginning of a line of times."""
_SETTING = re.compile(r"^[\w-]+:\S*$")
"""What stands behind the times: coordinates in SRT (X1:40), settings in WebVTT (align:start)."""
_WEBVTT = re.compile(r"^\s*WEBVTT\b")
_DIALOGUE = re.compile(r"^[ \t]*Dialogue:[^,\n]*,\s*\d+:\d+:\d+.*$", re.MULTILINE | re.IGNORECASE)
_EVENTS = re.compile(r"^[ \t]*\[Events\]", re.MULTILINE | re.IGNORECASE)
_FORMAT_LINE = re.compile(r"^[ \t]*Format:(.*)$", re.MULTILINE | re.IGNORECASE)
_DIALOGUE_LINE = re.compile(r"^[ \t]*Dialogue:(.*)$", re.MULTILINE | re.IGNORECASE)
_HEAD_LINES = 1000
"""The format is told by so many lines; our choice."""
_HEADS = {
    "srt": _TIMES,
    "sbv": line_formats.SBV_HEAD,
    "microdvd": line_formats.MICRODVD_LINE,
    "subviewer_1": line_formats.SUBVIEWER_1_HEAD,
    "lrc": line_formats.LRC_LINE,
}
"""What a cue begins with, by format: the format of most such lines is the file's; without any, SRT."""
_DRAWING = re.compile(r"\{[^{}\n]{0,500}\\p[1-9]")
_BRACES = re.compile(r"\{[^{}\n]{0,2000}\}")
"""Codes and comments: nothing in braces is shown."""


def raw_cues(text: str, language: str = "", fps: float = 0.0) -> Iterator[RawCue]:
    """Yields the cues in the order of the file; the format is told by the text, because names lie.

    Parameters:
        text: The file.
        language: Of a file with several languages, the one that is wanted. Default: the first one.
        fps: Frames a second of the video, for times that are numbers of frames. Default: unknown.
    """
    if _DIALOGUE.search(text):
        return _ass(text)
    if _WEBVTT.match(text):
        return _webvtt(text)
    if is_ttml(text):
        return ttml(text, language)
    if is_sami(text):
        return sami(text, language)
    lines = text.split("\n")
    head = list(islice((line for line in lines if line.strip()), _HEAD_LINES))
    counts = {name: sum(bool(pattern.match(line)) for line in head) for name, pattern in _HEADS.items()}
    kind = max(counts, key=lambda name: counts[name])
    if kind == "microdvd":
        return line_formats.microdvd(lines, fps)
    readers = {"srt": _srt, "sbv": line_formats.sbv, "subviewer_1": line_formats.subviewer_1, "lrc": line_formats.lrc}
    return readers[kind](lines)


def _span(line: str) -> tuple[float, float] | None:
    """Start and end in seconds; a time before 0 is 0. None if the line has no two times.

    "00:01:02,500 --> 00:01:04,000" -> (62.5, 64.0)
    """
    times = _TIMES.match(line)
    if times is None:
        return None
    parts = times.groups()
    start_s, end_s = (0.0 if clock[0] else clock_seconds(clock[1:]) for clock in (parts[:5], parts[5:]))
    return start_s, end_s


def _srt(lines: Sequence[str]) -> Iterator[RawCue]:
    """The cues of SRT: a cue lasts until the next number and times, whatever lines are empty.

    "1", "0:00:01,0 --> 0:00:02,0", "One", "", "and a half", "2", "0:00:03,0 --> 0:00:04,0" -> "One", "and a half"
    """
    heads = [n for n, line in enumerate(lines) if _TIMES.match(line) or _BROKEN_TIMES.match(line)]
    ends = [*_ends_of_cues(lines, heads)[1:], _end_of_text(lines)]
    for head, end in zip(heads, ends, strict=False):
        span = _span(lines[head])
        if span:
            yield RawCue(*span, [_behind_times(lines[head]), *(line for line in lines[head + 1 : end] if line.strip())])


def _ends_of_cues(lines: Sequence[str], heads: Sequence[int]) -> list[int]:
    """For each line of times, where the cue before it ends: at its number, if it has one.

    A number above the times is the cue's if most cues have one, or if it counts the cues; else it is what somebody says.
    """
    before = [-1, *heads][: len(heads)]
    spans = [range(head - 1, last, -1) for last, head in zip(before, heads, strict=True)]
    above = [next((n for n in span if lines[n].strip()), -1) for span in spans]
    numbers = [_number(lines[n]) if n >= 0 else None for n in above]
    is_numbered = 2 * sum(number is not None for number in numbers) > len(heads)
    is_own = [number is not None and (is_numbered or number == n) for n, number in enumerate(numbers, 1)]
    return [n if own else head for n, head, own in zip(above, heads, is_own, strict=True)]


def _end_of_text(lines: Sequence[str]) -> int:
    """The number of lines without the head of a cue in which a file is cut: "Yes.", "", "2", "00:00:04,0" -> 2."""
    written = [n for n, line in enumerate(lines) if line.strip()]
    if not written or _CUT_TIMES.match(lines[written[-1]]) is None:
        return len(lines)
    return written[-2] if len(written) > 1 and _number(lines[written[-2]]) is not None else written[-1]


def _number(line: str) -> int | None:
    """The number of a cue that stands alone on its line: " 12 " -> 12, "12 bees" -> None."""
    number = _IS_NUMBER.match(line)
    return int(re.sub(r"\D", "", number[1])) if number else None


def _behind_times(line: str) -> str:
    """Text that stands on the line of its times, without coordinates: "0:01,0 --> 0:02,0 Yes." -> "Yes."."""
    times = _TIMES.match(line)
    rest = line[times.end() :].split() if times else []
    return "" if all(map(_SETTING.match, rest)) else " ".join(rest)


def _webvtt(text: str) -> Iterator[RawCue]:
    """The cues of WebVTT: a line of times, and the text up to an empty line or the next times; all else is not speech.

    Where the empty line is missing, the number of the next cue is left out.
    """
    times: tuple[float, float] | None = None
    lines = list[str]()
    for line in [*text.split("\n"), ""]:
        span = _span(line)
        if span or not line:
            if times:
                yield RawCue(*times, lines[:-1] if span and lines and lines[-1].strip().isdigit() else lines)
            times, lines = span, []
        elif times:
            lines.append(line)


def _ass(text: str) -> Iterator[RawCue]:
    """The cues of ASS: `Dialogue:` lines with the columns that the `Format:` line of [Events] names. Drawings are left out."""
    columns = ["layer", "start", "end", "style", "name", "marginl", "marginr", "marginv", "effect", "text"]
    head = _EVENTS.search(text)
    events = text[head.end() if head else 0 :]
    format_line = _FORMAT_LINE.search(events)
    if format_line:
        columns = [name.strip().lower() for name in format_line[1].split(",")]
    for line in _DIALOGUE_LINE.findall(events):
        row = dict(zip(columns, line.split(",", len(columns) - 1), strict=False))
        span = _span(f"{row.get('start', '').strip()}-->{row.get('end', '').strip()}")
        said = row.get("text", "")
        if span and not _DRAWING.search(said):
            yield RawCue(*span, re.split(r"\\[Nn]", _BRACES.sub("", said).replace("\\h", " ")))
