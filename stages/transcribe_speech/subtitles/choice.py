"""Which of a video's subtitles to take for its speech, if any is good enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from interloom.pipeline.errors import DocumentError
from interloom.schemas.document import Document
from interloom.stages._video.file import Probe, ffmpeg
from interloom.stages._video.probe import Track
from interloom.stages.transcribe_speech.speech import Word
from interloom.stages.transcribe_speech.subtitles.cues import Cue, parse, read_subtitles
from interloom.stages.transcribe_speech.subtitles.rolling import spoken

Kind = Literal["manual", "embedded", "automatic"]
_Found = TypeVar("_Found")

_TEXT_CODECS = frozenset({"subrip", "srt", "ass", "ssa", "webvtt", "mov_text", "text", "ttml", "microdvd", "subviewer", "sami"})
"""The others are pictures of text, for `stages.extract_screen_text`."""
_MOST_BYTES = 16 << 20
_SHORT_CODES = {
    "ger": "de", "spa": "es", "chi": "zh", "por": "pt", "pol": "pl", "tur": "tr", "swe": "sv", "cze": "cs", "dut": "nl",
    "gre": "el", "per": "fa", "rum": "ro", "slo": "sk", "jpn": "ja", "ukr": "uk", "ind": "id", "may": "ms", "est": "et",
}  # fmt: skip
"""ISO 639-2 codes whose first two letters are not the ISO 639-1 code."""
_PAST_END = 0.2


@dataclass(frozen=True, slots=True)
class Subtitles:
    """The words of good subtitles, and their kind."""

    kind: Kind
    words: list[Word]


def chosen(doc: Document, path: str, found: Probe, kinds: Sequence[Kind], wanted: tuple[float, str]) -> Subtitles | str:
    """The first good subtitles of these kinds, or what is wrong with those that are there (empty: there are none).

    `wanted` is words per minute and the language that is spoken (empty: what the file says); others are translations.
    """
    least, language = wanted[0], wanted[1] or doc.labels.get("language", "")
    wrong = []
    for kind in kinds:
        try:
            cues = _cues(doc, path, found, kind, language)
            if cues is not None:
                return Subtitles(kind, _good(cues, found.duration_s, least))
        except DocumentError as error:
            wrong.append(f"{kind}: {error}")
    return "; ".join(wrong)


def _cues(doc: Document, path: str, found: Probe, kind: Kind, language: str) -> list[Cue] | None:
    if kind == "embedded":
        track = _track(found.subtitles, language)
        return parse(_extracted(path, _spoken(track, track.language, language))) if track else None
    sidecar = doc.labels.get("subtitles", "")
    if not sidecar or doc.labels.get("subtitle_kind", "manual") != kind:
        return None
    return read_subtitles(_spoken(sidecar, doc.labels.get("subtitle_language", ""), language))


def _spoken(what: _Found, written: str, language: str) -> _Found:
    if written and language and short_code(written) != short_code(language):
        raise DocumentError(f"a translation: in {written}, not {language}")
    return what


def short_code(language: str) -> str:
    """The two letters of a language's code, so that `de`, `de-AT`, `deu` and `ger` are one."""
    code = language.lower().replace("_", "-").split("-")[0]
    return _SHORT_CODES.get(code, code[:2])


def _track(tracks: Sequence[Track], language: str) -> Track | None:
    texts = [track for track in tracks if track.codec in _TEXT_CODECS]
    return min(
        texts,
        key=lambda track: (bool(language) and short_code(track.language) != short_code(language), not track.is_default),
        default=None,
    )


def _extracted(path: str, track: Track) -> bytes:
    shape = ["-map", f"0:{track.index}", "-c:s", "srt", "-f", "srt", "-fs", str(_MOST_BYTES), "pipe:1"]
    return ffmpeg(path, shape, timeout_s=300.0)


def _good(cues: Sequence[Cue], length_s: float, least: float) -> list[Word]:
    """The words said before the video ends. Raises DocumentError: too few words for speech, or made for another video."""
    if not length_s:
        return spoken(cues)
    fitting = [cue for cue in cues if cue.start_s < length_s]
    if len(fitting) < (1 - _PAST_END) * len(cues):
        raise DocumentError(f"{len(cues) - len(fitting)} of {len(cues)} cues begin after the video ends")
    words = spoken(fitting)
    rate = sum(not word.aside for word in words) / (length_s / 60)
    if rate < least:
        raise DocumentError(f"{rate:.1f} words a minute, fewer than {least:g}")
    return words
