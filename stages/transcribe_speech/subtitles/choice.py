"""Chooses among the subtitles of a video those that are good enough as its transcript."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from interloom.pipeline.errors import DocumentError
from interloom.pipeline.languages import plain_code
from interloom.schemas.document import Document
from interloom.stages._video.file import Options, Probe, ffmpeg
from interloom.stages._video.probe import Track
from interloom.stages.transcribe_speech.speech import Word
from interloom.stages.transcribe_speech.subtitles.cues import MAX_BYTES, Cue, parse, read_subtitles
from interloom.stages.transcribe_speech.subtitles.rolling import spoken_words

Kind = Literal["manual", "embedded", "automatic"]

_TEXT_CODECS = frozenset({"subrip", "srt", "ass", "ssa", "webvtt", "mov_text", "text", "ttml", "microdvd", "subviewer", "sami"})
"""The other codecs hold images of text, which `stages.extract_screen_text` can read."""
_KEPT_FORMATS = {"ass": "ass", "ssa": "ass", "webvtt": "webvtt"}
"""FFmpeg's names of the codecs of tracks that are taken as they are, and of the formats of their files."""
_EXTRACT_CPU_S = 300.0
"""CPU time to extract a subtitle track; our choice."""
_MAX_SHARE_PAST_END = 0.2
"""Subtitles are of another video if more than this share of the cues begins after the video ends; our choice."""


@dataclass(frozen=True, slots=True)
class Subtitles:
    """The kind and the words of subtitles that are good enough, and of a file its path and the language that its name states."""

    kind: Kind
    words: list[Word]
    path: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class _File:
    """A file of subtitles: its path ("" for a track of the video), and the language that its name states ("" if none)."""

    path: str
    language: str


@dataclass(frozen=True, slots=True)
class Requirements:
    """What good subtitles have: this many words a minute, and the spoken language (ISO 639-1; "" if unknown)."""

    words_per_minute: float
    language: str


def choose_subtitles(doc: Document, path: str, probe: Probe, kinds: Sequence[Kind], required: Requirements) -> Subtitles | str:
    """Returns the first good subtitles of these kinds, or why those that exist are refused ("" if there are none).

    doc: The document; its labels name the subtitle files, their kinds and their languages.
    path: The local video file.
    probe: The headers of that file.
    kinds: The kinds of subtitles to try, best first.
    required: Subtitles in another language than the required one are translations and are refused. Without a required language,
        the document's label `language` counts.
    """
    language = required.language or doc.labels.get("language", "")
    reasons = []
    for kind in kinds:
        for file in _files(doc, kind) if kind != "embedded" else [_File("", "")]:
            try:
                cues = _cues_of_file(file, probe, language) if file.path else _cues_of_track(path, probe, language)
                if cues is not None:
                    words = _checked_words(cues, probe.duration_s, required.words_per_minute)
                    return Subtitles(kind, words, file.path, file.language)
            except DocumentError as error:
                reasons.append(f"{kind}: {error}")
    return "; ".join(reasons)


def _files(doc: Document, kind: Kind) -> list[_File]:
    """The files of this kind that the labels of a document name, best first."""
    files = list[_File]()
    if doc.labels.get("subtitles") and doc.labels.get("subtitle_kind", "manual") == kind:
        files.append(_File(doc.labels["subtitles"], doc.labels.get("subtitle_language", "")))
    for line in doc.labels.get("other_subtitles", "").splitlines():
        other_kind, _, rest = line.partition(" ")
        language, _, path = rest.partition(" ")
        if other_kind == kind:
            files.append(_File(path, language.strip("-")))
    return files


def _cues_of_track(path: str, probe: Probe, language: str) -> list[Cue] | None:
    """The cues of a track of the video; None if it has none. Raises DocumentError if they are a translation or damaged."""
    track = _subtitle_track(probe.subtitles, language)
    if track is None:
        return None
    _refuse_translation(track.language, language)
    return parse(_extract(path, track))


def _cues_of_file(file: _File, probe: Probe, language: str) -> list[Cue]:
    """The cues of a file. Raises DocumentError if they are a translation or damaged."""
    _refuse_translation(file.language, language)
    cues = read_subtitles(file.path, language or file.language, probe.fps)
    _refuse_translation(file.language or cues[0].language, language)
    return cues


def _refuse_translation(subtitle_language: str, language: str) -> None:
    """Raises DocumentError if both languages are known and differ."""
    if subtitle_language and language and plain_code(subtitle_language) != plain_code(language):
        raise DocumentError(f"a translation: in {subtitle_language}, not {language}")


def choose_track(tracks: Sequence[Track], language: str) -> Track | None:
    """The track in this language and of all speech, else the one that a player chooses by default, else the first; None without
    tracks.
    """

    def rank(track: Track) -> tuple[bool, bool, bool]:
        is_other = bool(language) and plain_code(track.language) != plain_code(language)
        return is_other, track.is_partial, not track.is_default

    return min(tracks, key=rank, default=None)


def _subtitle_track(tracks: Sequence[Track], language: str) -> Track | None:
    return choose_track([track for track in tracks if track.codec in _TEXT_CODECS], language)


def _extract(path: str, track: Track) -> bytes:
    """The track as a file of its own format, or as SRT: ffmpeg would make text of drawings and comments of ASS."""
    kept = _KEPT_FORMATS.get(track.codec)
    options: Options = {"c:s": "copy" if kept else "srt", "f": kept or "srt", "fs": MAX_BYTES}
    return ffmpeg(path, "pipe:1", options, streams=[str(track.index)], cpu_s=_EXTRACT_CPU_S)


def _checked_words(cues: Sequence[Cue], length_s: float, words_per_minute: float) -> list[Word]:
    """The words before the video's end. A video of unknown length (0) is not checked.

    Raises DocumentError if there are too few words for speech, or the subtitles are of a longer video.
    """
    if not length_s:
        return spoken_words(cues)
    before_end = [replace(cue, end_s=min(cue.end_s, length_s)) for cue in cues if cue.start_s < length_s]
    if len(before_end) < (1 - _MAX_SHARE_PAST_END) * len(cues):
        raise DocumentError(f"{len(cues) - len(before_end)} of {len(cues)} cues begin after the video ends")
    words = spoken_words(before_end)
    rate = sum(not word.is_note for word in words) / (length_s / 60)
    if rate < words_per_minute:
        raise DocumentError(f"{rate:.1f} words a minute, fewer than {words_per_minute:g}")
    return words
