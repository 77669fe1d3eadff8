"""Chooses among the subtitles of a video those that are good enough as its transcript."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from interloom.pipeline.errors import DocumentError
from interloom.schemas.document import Document
from interloom.stages._video.file import Options, Probe, ffmpeg
from interloom.stages._video.probe import Track
from interloom.stages.transcribe_speech.speech import Word
from interloom.stages.transcribe_speech.subtitles.cues import MAX_BYTES, Cue, parse, read_subtitles
from interloom.stages.transcribe_speech.subtitles.raw_cue import two_letter_code
from interloom.stages.transcribe_speech.subtitles.rolling import spoken_words

Kind = Literal["manual", "embedded", "automatic"]

_TEXT_CODECS = frozenset({"subrip", "srt", "ass", "ssa", "webvtt", "mov_text", "text", "ttml", "microdvd", "subviewer", "sami"})
"""The other codecs hold images of text, which `stages.extract_screen_text` can read."""
_EXTRACT_CPU_S = 300.0
"""CPU time to extract a subtitle track; our choice."""
_MAX_SHARE_PAST_END = 0.2
"""Subtitles are of another video if more than this share of the cues begins after the video ends; our choice."""


@dataclass(frozen=True, slots=True)
class Subtitles:
    """The kind and the words of subtitles that are good enough."""

    kind: Kind
    words: list[Word]


@dataclass(frozen=True, slots=True)
class Requirements:
    """What good subtitles have: this many words a minute, and the spoken language (ISO 639-1; "" if unknown)."""

    words_per_minute: float
    language: str


def choose_subtitles(doc: Document, path: str, probe: Probe, kinds: Sequence[Kind], required: Requirements) -> Subtitles | str:
    """Returns the first good subtitles of these kinds, or why those that exist are refused ("" if there are none).

    doc: The document; its labels name the subtitle file, its kind and its language.
    path: The local video file.
    probe: The headers of that file.
    kinds: The kinds of subtitles to try, best first.
    required: Subtitles in another language than the required one are translations and are refused. Without a required language,
        the document's label `language` counts.
    """
    language = required.language or doc.labels.get("language", "")
    reasons = []
    for kind in kinds:
        try:
            cues = _cues(doc, path, probe, kind, language)
            if cues is not None:
                return Subtitles(kind, _checked_words(cues, probe.duration_s, required.words_per_minute))
        except DocumentError as error:
            reasons.append(f"{kind}: {error}")
    return "; ".join(reasons)


def _cues(doc: Document, path: str, probe: Probe, kind: Kind, language: str) -> list[Cue] | None:
    """The cues of this kind; None if there are no such subtitles. Raises DocumentError if they are a translation or damaged."""
    if kind == "embedded":
        track = _subtitle_track(probe.subtitles, language)
        if track is None:
            return None
        _refuse_translation(track.language, language)
        return parse(_extract(path, track))
    sidecar = doc.labels.get("subtitles", "")
    if not sidecar or doc.labels.get("subtitle_kind", "manual") != kind:
        return None
    named = doc.labels.get("subtitle_language", "")
    _refuse_translation(named, language)
    cues = read_subtitles(sidecar, language or named, probe.fps)
    _refuse_translation(named or cues[0].language, language)
    return cues


def _refuse_translation(subtitle_language: str, language: str) -> None:
    """Raises DocumentError if both languages are known and differ."""
    if subtitle_language and language and two_letter_code(subtitle_language) != two_letter_code(language):
        raise DocumentError(f"a translation: in {subtitle_language}, not {language}")


def choose_track(tracks: Sequence[Track], language: str) -> Track | None:
    """The track in this language, else the one that a player chooses by default, else the first; None without tracks."""

    def rank(track: Track) -> tuple[bool, bool]:
        return bool(language) and two_letter_code(track.language) != two_letter_code(language), not track.is_default

    return min(tracks, key=rank, default=None)


def _subtitle_track(tracks: Sequence[Track], language: str) -> Track | None:
    return choose_track([track for track in tracks if track.codec in _TEXT_CODECS], language)


def _extract(path: str, track: Track) -> bytes:
    """The track as an SRT file."""
    options: Options = {"c:s": "srt", "f": "srt", "fs": MAX_BYTES}
    return ffmpeg(path, "pipe:1", options, streams=[str(track.index)], cpu_s=_EXTRACT_CPU_S)


def _checked_words(cues: Sequence[Cue], length_s: float, words_per_minute: float) -> list[Word]:
    """The words before the video's end. A video of unknown length (0) is not checked.

    Raises DocumentError if there are too few words for speech, or the subtitles are of a longer video.
    """
    if not length_s:
        return spoken_words(cues)
    before_end = [cue for cue in cues if cue.start_s < length_s]
    if len(before_end) < (1 - _MAX_SHARE_PAST_END) * len(cues):
        raise DocumentError(f"{len(cues) - len(before_end)} of {len(cues)} cues begin after the video ends")
    words = spoken_words(before_end)
    rate = sum(not word.is_note for word in words) / (length_s / 60)
    if rate < words_per_minute:
        raise DocumentError(f"{rate:.1f} words a minute, fewer than {words_per_minute:g}")
    return words
