"""Subtitles (SRT, WebVTT, ASS/SSA) as cues of timed words. Files are hostile: any charset, any times, any size."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from interloom.pipeline.errors import DocumentError
from interloom.pipeline.store import storage
from interloom.stages._web.charset import decoded
from interloom.stages.transcribe_speech.speech import Word, spread

_MOST_BYTES = 16 << 20
_MOST_CUES = 200_000
_CLOCK = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})(?!\d)"
_TIMES = re.compile(rf"^\s*{_CLOCK}\s*-+>\s*{_CLOCK}")
_STAMP = re.compile(rf"<{_CLOCK}>")
_TAG = re.compile(r"</?[a-zA-Z][^<>\n]{0,200}>|\{\\[^{}\n]{0,500}\}|\{[a-zA-Z]:[^{}\n]{0,100}\}")
_ASIDE = re.compile(r"(\[[^\[\]\n]{1,80}\]|\*[^*\n]{1,40}\*|[♪♫♬♩][^♪♫♬♩\n]{0,400}[♪♫♬♩]*)")
_SPEAKER = re.compile(r"^\s*(?:>>+|-(?=\s*\S))\s*")
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\x00-\x08\x0b-\x1f]")
_DRAWING = re.compile(r"\{[^{}\n]{0,500}\\p[1-9]")


@dataclass(frozen=True, slots=True)
class Cue:
    """What is shown from `start_s` to `end_s`, line by line."""

    start_s: float
    end_s: float
    lines: tuple[tuple[Word, ...], ...]

    @property
    def words(self) -> tuple[Word, ...]:
        return tuple(word for line in self.lines for word in line)


def read_subtitles(path: str) -> list[Cue]:
    """The cues of a file, local or s3. Raises DocumentError when it is missing, too large, or has none."""
    try:
        with storage.open(path) as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise DocumentError(f"cannot be read ({type(error).__name__})") from error
    return parse(data)


def parse(data: bytes) -> list[Cue]:
    """The cues in order of time, those without text or without a time left out. Raises DocumentError: it holds none."""
    if len(data) > _MOST_BYTES:
        raise DocumentError(f"more than {_MOST_BYTES >> 20} MiB of subtitles")
    text = decoded(data).replace("\r\r\n", "\n").replace("\r\n", "\n").replace("\r", "\n")
    raw = _ass(text) if re.search(r"^Dialogue:", text, re.MULTILINE) else _timed_blocks(text)
    cues = [cue for start, end, lines in raw if (cue := _cue(start, end, lines)).lines]
    if not cues:
        raise DocumentError("holds no cue of text with a time")
    if len(cues) > _MOST_CUES:
        raise DocumentError(f"more than {_MOST_CUES} cues")
    return _lasting(sorted(cues, key=lambda cue: (cue.start_s, cue.end_s)))


def _timed_blocks(text: str) -> Iterator[tuple[float, float, list[str]]]:
    """SRT and WebVTT: a line of times, then the text up to an empty line or the next times. All else is no speech."""
    times: tuple[float, float] | None = None
    lines = list[str]()
    for line in [*text.split("\n"), ""]:
        found = _TIMES.match(line)
        if found or not line:
            if times:
                yield *times, lines[:-1] if found and lines and lines[-1].strip().isdigit() else lines
            times, lines = _span(found) if found else None, []
        elif times:
            lines.append(line)


def _ass(text: str) -> Iterator[tuple[float, float, list[str]]]:
    """`Dialogue:` lines, their columns as the `Format:` line of [Events] names them; drawings are left out."""
    columns = ["layer", "start", "end", "style", "name", "marginl", "marginr", "marginv", "effect", "text"]
    events = text[text.find("[Events]") + 1 :]
    named = re.search(r"^Format:(.*)$", events, re.MULTILINE)
    if named:
        columns = [name.strip().lower() for name in named[1].split(",")]
    for line in re.findall(r"^Dialogue:(.*)$", events, re.MULTILINE):
        row = dict(zip(columns, line.split(",", len(columns) - 1), strict=False))
        span = _TIMES.match(f"{row.get('start', '').strip()}-->{row.get('end', '').strip()}")
        times = _span(span) if span else None
        if times and not _DRAWING.search(row.get("text", "")):
            yield *times, re.split(r"\\[Nn]", row.get("text", "").replace("\\h", " "))


def _span(found: re.Match[str]) -> tuple[float, float] | None:
    start, end = _seconds(found.groups()[:4]), _seconds(found.groups()[4:8])
    return None if start is None or end is None else (start, end)


def _seconds(clock: Sequence[str | None]) -> float | None:
    hours, minutes, seconds = (int(part or 0) for part in clock[:3])
    if minutes > 59 or seconds > 59:
        return None
    return hours * 3600 + minutes * 60 + seconds + int((clock[3] or "0").ljust(3, "0")) / 1000


def _cue(start_s: float, end_s: float, lines: list[str]) -> Cue:
    """Where a line has stamps of its own (`<00:00:01.920>`), the lines without any stand there from before."""
    stamped = any(_STAMP.search(line) for line in lines)
    read = [_words(line, start_s, end_s if _STAMP.search(line) or not stamped else start_s) for line in lines]
    return Cue(start_s, end_s, tuple(line for line in read if line))


def _words(line: str, start_s: float, end_s: float) -> tuple[Word, ...]:
    found, at, begin = list[Word](), 0, start_s
    for stamp in _STAMP.finditer(line):
        time = _seconds(stamp.groups())
        time = begin if time is None else max(time, begin)
        piece = line[at : stamp.start()]
        found += _plain(piece, begin, min(time, begin + 0.5 + 0.1 * len(piece)))  # the rest of the time is a pause
        at, begin = stamp.end(), time
    return (*found, *_plain(line[at:], begin, max(begin, end_s)))


def _plain(text: str, start_s: float, end_s: float) -> Iterator[Word]:
    """Markup goes; notes on sounds become one aside each."""
    bare = _SPEAKER.sub("", _INVISIBLE.sub("", html.unescape(_TAG.sub("", text)).replace("\xa0", " ")))
    for part in _ASIDE.split(bare):
        if _ASIDE.fullmatch(part):
            yield Word(f" {part}", start_s, end_s, aside=True)
        else:
            yield from (replace(word, text=f" {word.text.strip()}") for word in spread(part, start_s, end_s))


def _lasting(cues: list[Cue]) -> list[Cue]:
    """A cue that ends before it starts is shown as long as it takes to read (17 characters a second, as broadcasters have it)."""
    return [cue if cue.end_s > cue.start_s else _shown(cue) for cue in cues]


def _shown(cue: Cue) -> Cue:
    text = "".join(word.text for word in cue.words)
    end_s = cue.start_s + max(0.5, len(text) / 17)
    return Cue(cue.start_s, end_s, (tuple(spread(text, cue.start_s, end_s)),))
