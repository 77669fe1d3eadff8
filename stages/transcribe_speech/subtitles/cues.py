"""Parses subtitles of all formats into cues of timed words. Files are hostile: any charset, any times, any size."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, replace
from itertools import islice

from interloom.pipeline.errors import DocumentError
from interloom.pipeline.store import storage
from interloom.schemas.text_forms import visible_text
from interloom.stages._web.charset import decoded
from interloom.stages.transcribe_speech.speech import Word, in_turn, spread_words
from interloom.stages.transcribe_speech.subtitles.formats import raw_cues
from interloom.stages.transcribe_speech.subtitles.raw_cue import CLOCK, RawCue, clock_seconds

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
_STAMP = re.compile(rf"<{CLOCK}>")
_READING = re.compile(r"<rt>[^<>\n]{0,200}(?:</rt>|(?=</ruby>))")
_CODE = re.compile(r"\{\\[^{}\n]{0,500}\}|\{[a-zA-Z]:[^{}\n]{0,100}\}")
_TAG = re.compile(r"<\s{0,2}/?\s{0,2}([a-zA-Z][a-zA-Z0-9]{0,9})(?![\w@+])([^<>\n]{0,200})>")
_NAMES_OF_TAGS = (
    "a b big blink body br c center cite code del div em font h1 h2 h3 h4 h5 h6 head hr html i img ins lang li mark nobr ol p q "
    "rb rp rt rtc ruby s sami small span strike strong sub sup sync table tbody td th tr tt u ul v"
)
"""Those of WebVTT, and of HTML as SRT and SAMI have it. What else stands between such brackets is said: `<stdio.h>`."""
_TAG_NAMES = frozenset(_NAMES_OF_TAGS.split())
_WITH_A_NAME = frozenset({"v", "lang", "font"})
"""Behind others, what is no attribute shows that it is no tag: "if a <b and c> d"."""
_LINE_BREAK = re.compile(r"<br\s{0,3}/?>|\\N", re.IGNORECASE)
_NOTE = re.compile(
    r"((?<![\w\])])\[(?=[^\[\]\n]{0,80}(?:[^\W\d_]{2}|[♪♫♬♩]))[^\[\]\n]{1,80}\]"
    r"|(?<![\w*])\*(?=[^\s*])[^*\n]{1,40}(?<=[^\s*])\*(?![\w*])"
    r"|[♪♫♬♩][^♪♫♬♩\n]{0,400}[♪♫♬♩]*)"
)
"""Notes on sounds: [Music], *laughs*, ♪ la la ♪; but neither a[i], [12], [ __ ] nor 2 * 3 * 4."""
_NOTE_OF_LINES = re.compile(
    r"(?<![\w\])])\[[^\[\]]{1,160}\]|[♪♫♬♩][^♪♫♬♩]{1,400}[♪♫♬♩](?=(?:\s|</[a-z]{1,6}>){0,9}(?:\n|$))", re.IGNORECASE
)
"""A note that may go on in the next line of its cue."""
_SPEAKER_CHANGE = re.compile(r"^\s*(?:>>+|[-‐–—](?!\.?\d)(?=\s*\S))\s*")
"""A dash right before a number is its sign."""


@dataclass(frozen=True, slots=True)
class Cue:
    """The lines of words that are shown from `start_s` to `end_s`; `is_stamped` if words have time stamps of their own.

    `language` is the one that the file states, "" if none.
    """

    start_s: float
    end_s: float
    lines: tuple[tuple[Word, ...], ...]
    is_stamped: bool = False
    language: str = ""

    @property
    def words(self) -> tuple[Word, ...]:
        return tuple(word for line in self.lines for word in line)


def read_subtitles(path: str, language: str = "", fps: float = 0.0) -> list[Cue]:
    """Reads the cues of a local or s3 file, as `parse`. Raises DocumentError if it is missing, too large, or has no cues."""
    try:
        with storage.open(path) as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise DocumentError(f"cannot be read ({type(error).__name__})") from error
    return parse(data, language, fps)


def parse(data: bytes, language: str = "", fps: float = 0.0) -> list[Cue]:
    """Parses the cues and sorts them by start, those that begin together as in the file; cues without text or times are left out.

    data: The file.
    language: Of a file with several languages, the one that is wanted. Default: the first one.
    fps: Frames a second of the video, for times that are numbers of frames. Default: unknown.

    Raises DocumentError if the data is too large or has no cues.
    """
    if len(data) > MAX_BYTES:
        raise DocumentError(f"more than {MAX_BYTES >> 20} MiB of subtitles")
    is_markup = data[:100].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<"
    text = decoded(data, is_markup=is_markup).replace("\ufeff", "")
    text = text.replace("\r\r\n", "\n").replace("\r\n", "\n").replace("\r", "\n")
    cues = [cue for raw in raw_cues(text, language, fps) if (cue := _cue(raw)).lines]
    if not cues:
        raise DocumentError("holds no cue of text with a time")
    if len(cues) > _MAX_CUES:
        raise DocumentError(f"more than {_MAX_CUES} cues")
    return [_with_valid_end(cue) for cue in sorted(cues, key=lambda cue: cue.start_s)]


def _cue(raw: RawCue) -> Cue:
    """Turns lines of markup into words; lines are spoken one after the other.

    If a line has time stamps (`<00:00:01.920>`), the lines without any are repeated from the cue before: their words end when the
    cue starts.
    """
    start_s, end_s = raw.start_s, raw.end_s
    lines = [part for line in raw.lines for part in _LINE_BREAK.split(line)]
    is_stamped = any(_STAMP.search(line) for line in lines)
    lines = lines if is_stamped else _NOTE_OF_LINES.sub(_in_one_line, "\n".join(lines)).split("\n")
    words = [_words(line, start_s, end_s if _STAMP.search(line) or not is_stamped else start_s) for line in lines]
    cue = Cue(start_s, end_s, tuple(line for line in words if line), is_stamped, raw.language)
    return cue if is_stamped else _spread(cue, end_s)


def _in_one_line(note: re.Match[str]) -> str:
    return note[0].replace("\n", " ")


def _spread(cue: Cue, end_s: float) -> Cue:
    """The cue with its words one after the other, from its start to `end_s`."""
    words = iter(in_turn(cue.words, cue.start_s, end_s))
    return replace(cue, end_s=end_s, lines=tuple(tuple(islice(words, len(line))) for line in cue.lines))


def _words(line: str, start_s: float, end_s: float) -> tuple[Word, ...]:
    """The words of a line; a time stamp is the start of the words behind it.

    "so<00:00:01.400><c> we</c>", 1.0, 3.0 -> " so" 1.0 to 1.4, " we" 1.4 to 3.0
    """
    words, offset, begin_s = list[Word](), 0, start_s
    for stamp in _STAMP.finditer(line):
        time_s = max(clock_seconds(stamp.groups()), begin_s)
        part = line[offset : stamp.start()]
        words += _without_markup(part, begin_s, min(time_s, begin_s + _SPOKEN_S + _SPOKEN_CHARACTER_S * len(part)))
        offset, begin_s = stamp.end(), time_s
    return (*words, *_without_markup(line[offset:], begin_s, max(begin_s, end_s)))


def _without_markup(text: str, start_s: float, end_s: float) -> list[Word]:
    """The words of a text without tags; each note on a sound is one word: "<i>Go</i> [Music]" -> " Go", " [Music]" (a note)."""
    bare = _SPEAKER_CHANGE.sub("", visible_text(html.unescape(_without_tags(text)).replace("\xa0", " ")))
    words = list[Word]()
    for part in _NOTE.split(bare):
        if _NOTE.fullmatch(part):
            words.append(Word(f" {part}", start_s, end_s, is_note=True))
        else:
            words += [replace(word, text=f" {word.text.strip()}") for word in spread_words(part, start_s, end_s)]
    return in_turn(words, start_s, end_s)


def _without_tags(text: str) -> str:
    return _TAG.sub(_unless_tag, _CODE.sub("", _READING.sub("", text)))


def _unless_tag(brackets: re.Match[str]) -> str:
    """What stands between `<` and `>` if it is no tag: "<i>", "< / i >", "<v Ann>" -> ""; "<stdio.h>", "<b and c>" stay."""
    name, rest = brackets[1].lower(), brackets[2].strip()
    is_tag = name in _TAG_NAMES and (name in _WITH_A_NAME or rest in ("", "/") or rest[0] == "." or "=" in rest)
    return "" if is_tag else brackets[0]


def _with_valid_end(cue: Cue) -> Cue:
    """A cue that ends before it starts is shown as long as a viewer takes to read it."""
    if cue.end_s > cue.start_s:
        return cue
    characters = sum(len(word.text) for word in cue.words)
    return _spread(cue, cue.start_s + max(_MIN_CUE_S, characters / _READING_CHARACTERS_S))
