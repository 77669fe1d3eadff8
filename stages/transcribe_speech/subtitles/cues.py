"""Parses subtitles (SRT, WebVTT, ASS/SSA) into cues of timed words. Files are hostile: any charset, any times, any size."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from interloom.pipeline.errors import DocumentError
from interloom.pipeline.store import storage
from interloom.stages._web.charset import decoded
from interloom.stages.transcribe_speech.speech import Word, spread_words

MAX_BYTES = 16 << 20
"""Larger files are refused; our choice."""
_MAX_CUES = 200_000
"""Files of more cues are refused; our choice."""
_READING_CHARACTERS_S = 17
"""Characters that a viewer reads in a second, as broadcasters assume."""
_MIN_CUE_S = 0.5
"""A cue without a valid end is shown at least this long; our choice."""
_SPOKEN_S = 0.5
_SPOKEN_CHARACTER_S = 0.1
"""What stands between two time stamps is spoken in at most 0.5 s and 0.1 s a character, and then there is a pause; our choice."""
_CLOCK = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})(?!\d)"
_TIMES = re.compile(rf"^\s*{_CLOCK}\s*-+>\s*{_CLOCK}")
_STAMP = re.compile(rf"<{_CLOCK}>")
_TAG = re.compile(r"</?[a-zA-Z][^<>\n]{0,200}>|\{\\[^{}\n]{0,500}\}|\{[a-zA-Z]:[^{}\n]{0,100}\}")
_NOTE = re.compile(r"(\[[^\[\]\n]{1,80}\]|\*[^*\n]{1,40}\*|[♪♫♬♩][^♪♫♬♩\n]{0,400}[♪♫♬♩]*)")
"""Notes on sounds: [Music], *laughs*, ♪ la la ♪."""
_SPEAKER_CHANGE = re.compile(r"^\s*(?:>>+|-(?=\s*\S))\s*")
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\x00-\x08\x0b-\x1f]")
_DRAWING = re.compile(r"\{[^{}\n]{0,500}\\p[1-9]")


@dataclass(frozen=True, slots=True)
class Cue:
    """The lines of words that are shown from `start_s` to `end_s`."""

    start_s: float
    end_s: float
    lines: tuple[tuple[Word, ...], ...]

    @property
    def words(self) -> tuple[Word, ...]:
        return tuple(word for line in self.lines for word in line)


def read_subtitles(path: str) -> list[Cue]:
    """Reads the cues of a local or s3 file. Raises DocumentError if it is missing, too large, or has no cues."""
    try:
        with storage.open(path) as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise DocumentError(f"cannot be read ({type(error).__name__})") from error
    return parse(data)


def parse(data: bytes) -> list[Cue]:
    """Parses the cues and sorts them by time; cues without text or without a valid time are left out.

    Raises DocumentError if the data is too large or has no cues.
    """
    if len(data) > MAX_BYTES:
        raise DocumentError(f"more than {MAX_BYTES >> 20} MiB of subtitles")
    text = decoded(data).replace("\r\r\n", "\n").replace("\r\n", "\n").replace("\r", "\n")
    raw = _ass(text) if re.search(r"^Dialogue:", text, re.MULTILINE) else _timed_blocks(text)
    cues = [cue for start, end, lines in raw if (cue := _cue(start, end, lines)).lines]
    if not cues:
        raise DocumentError("holds no cue of text with a time")
    if len(cues) > _MAX_CUES:
        raise DocumentError(f"more than {_MAX_CUES} cues")
    return [_with_valid_end(cue) for cue in sorted(cues, key=lambda cue: (cue.start_s, cue.end_s))]


def _timed_blocks(text: str) -> Iterator[tuple[float, float, list[str]]]:
    """The cues of SRT and WebVTT, as start, end and lines.

    A cue is a line of times, and the text up to an empty line or the next times; all else is not speech. Where the empty line is
    missing, the number of the next cue is left out: "1", "0:00:01.0 --> 0:00:02.0", "One", "2", "0:00:02.0 --> ..." -> "One"
    """
    times: tuple[float, float] | None = None
    lines = list[str]()
    for line in [*text.split("\n"), ""]:
        match = _TIMES.match(line)
        if match or not line:
            if times:
                yield *times, lines[:-1] if match and lines and lines[-1].strip().isdigit() else lines
            times, lines = _span(match) if match else None, []
        elif times:
            lines.append(line)


def _ass(text: str) -> Iterator[tuple[float, float, list[str]]]:
    """The cues of ASS: `Dialogue:` lines with the columns that the `Format:` line of [Events] names. Drawings are left out."""
    columns = ["layer", "start", "end", "style", "name", "marginl", "marginr", "marginv", "effect", "text"]
    events = text[text.find("[Events]") + 1 :]
    format_line = re.search(r"^Format:(.*)$", events, re.MULTILINE)
    if format_line:
        columns = [name.strip().lower() for name in format_line[1].split(",")]
    for line in re.findall(r"^Dialogue:(.*)$", events, re.MULTILINE):
        row = dict(zip(columns, line.split(",", len(columns) - 1), strict=False))
        span = _TIMES.match(f"{row.get('start', '').strip()}-->{row.get('end', '').strip()}")
        times = _span(span) if span else None
        if times and not _DRAWING.search(row.get("text", "")):
            yield *times, re.split(r"\\[Nn]", row.get("text", "").replace("\\h", " "))


def _span(times: re.Match[str]) -> tuple[float, float] | None:
    """Start and end in seconds; None if one is not a valid time."""
    start, end = _seconds(times.groups()[:4]), _seconds(times.groups()[4:8])
    return None if start is None or end is None else (start, end)


def _seconds(clock: Sequence[str | None]) -> float | None:
    """Hours, minutes, seconds and decimals in seconds: (None, "1", "02", "5") -> 62.5, ("0", "61", "00", "0") -> None."""
    hours, minutes, seconds = (int(part or 0) for part in clock[:3])
    if minutes > 59 or seconds > 59:
        return None
    return hours * 3600 + minutes * 60 + seconds + int((clock[3] or "0").ljust(3, "0")) / 1000


def _cue(start_s: float, end_s: float, lines: list[str]) -> Cue:
    """Turns lines of markup into words.

    If a line has time stamps (`<00:00:01.920>`), the lines without any are repeated from the cue before: their words end when the
    cue starts.
    """
    has_stamps = any(_STAMP.search(line) for line in lines)
    words = [_words(line, start_s, end_s if _STAMP.search(line) or not has_stamps else start_s) for line in lines]
    return Cue(start_s, end_s, tuple(line for line in words if line))


def _words(line: str, start_s: float, end_s: float) -> tuple[Word, ...]:
    """The words of a line; a time stamp is the start of the words behind it.

    "so<00:00:01.400><c> we</c>", 1.0, 3.0 -> " so" 1.0 to 1.4, " we" 1.4 to 3.0
    """
    words, offset, begin_s = list[Word](), 0, start_s
    for stamp in _STAMP.finditer(line):
        time_s = _seconds(stamp.groups())
        time_s = begin_s if time_s is None else max(time_s, begin_s)
        part = line[offset : stamp.start()]
        words += _without_markup(part, begin_s, min(time_s, begin_s + _SPOKEN_S + _SPOKEN_CHARACTER_S * len(part)))
        offset, begin_s = stamp.end(), time_s
    return (*words, *_without_markup(line[offset:], begin_s, max(begin_s, end_s)))


def _without_markup(text: str, start_s: float, end_s: float) -> Iterator[Word]:
    """The words of a text without tags; each note on a sound is one word: "<i>Go</i> [Music]" -> " Go", " [Music]" (a note)."""
    bare = _SPEAKER_CHANGE.sub("", _INVISIBLE.sub("", html.unescape(_TAG.sub("", text)).replace("\xa0", " ")))
    for part in _NOTE.split(bare):
        if _NOTE.fullmatch(part):
            yield Word(f" {part}", start_s, end_s, is_note=True)
        else:
            yield from (replace(word, text=f" {word.text.strip()}") for word in spread_words(part, start_s, end_s))


def _with_valid_end(cue: Cue) -> Cue:
    """A cue that ends before it starts is shown as long as a viewer takes to read it."""
    if cue.end_s > cue.start_s:
        return cue
    text = "".join(word.text for word in cue.words)
    end_s = cue.start_s + max(_MIN_CUE_S, len(text) / _READING_CHARACTERS_S)
    return Cue(cue.start_s, end_s, (tuple(spread_words(text, cue.start_s, end_s)),))
