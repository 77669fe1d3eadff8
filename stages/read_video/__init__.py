"""Reads videos and recordings of sound, from files, folders, tar files and object storage, one document each."""

from __future__ import annotations

import glob as globbing
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.util import find_spec
from typing import ClassVar

from interloom.pipeline.contents import VIDEO, Content, labels, scores
from interloom.pipeline.errors import DocumentError, Failure, KilledError, until_broken
from interloom.pipeline.ranges import Positive, PositiveAmount, Share
from interloom.pipeline.stage import Source, Split
from interloom.pipeline.store import storage
from interloom.schemas import document
from interloom.schemas.document import Clip, Document
from interloom.schemas.outcome import Drop, Dropped, Killed, Outcome, Quarantined
from interloom.stages._input.ids import document_id
from interloom.stages._input.splits import path_notes, path_problems, whole_files
from interloom.stages._input.surrogates import replace_surrogates
from interloom.stages._input.tar_reading import opened_tar
from interloom.stages._video.probe import Probe, probe
from interloom.stages.read_video.sidecars import LABEL_OF_KEY, SCORE_KEYS, SUBTITLES, Sidecars, find_sidecars, sidecar_names

_VIDEOS = (".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi", ".flv", ".wmv", ".mpg", ".mpeg", ".m2ts", ".ogv", ".3gp")
_AUDIO = (".wav", ".mp3", ".m4a", ".flac", ".ogg", ".oga", ".opus", ".aac")
_ENDINGS = (*_VIDEOS, *_AUDIO, ".tar")
_BESIDE = (*SUBTITLES, ".json", ".txt", ".description", ".jpg", ".jpeg", ".png", ".webp")
"""Endings of what downloaders put beside a video."""
_LABEL_OF_TAG = {
    "title": "title",
    "artist": "author",
    "language": "language",
    "copyright": "licence",
    "description": "description",
}
_LABELS = dict.fromkeys(
    (
        *_LABEL_OF_TAG.values(),
        *LABEL_OF_KEY.values(),
        "video_codec",
        "audio_codec",
        "chapters",
        "subtitles",
        "subtitle_kind",
        "subtitle_language",
        "other_subtitles",
    )
)
_SCORES = ("duration_s", "fps", "rotation", "audio_tracks", "subtitle_tracks", "attachments")
_DURATION_TOLERANCE_S = 1.0
"""Seconds by which the duration may always differ from the header's, because short videos are rounded; our choice."""


@dataclass(frozen=True, kw_only=True)
class ReadVideo(Source):
    """Reads one document per video or audio file or tar member, with one clip that spans it and holds no bytes.

    Only headers, the last packets and the first frame are read. Labels state the codecs, title, author, licence, language and
    chapters (one a line: start and end in seconds, title), and the subtitles: a file beside the video (SRT, WebVTT, ASS, TTML,
    SBV, SAMI, LRC, SubViewer or MicroDVD; `subtitles` is its path, `subtitle_kind` "manual" or "automatic") or a track inside it
    (`subtitle_kind` "embedded"). `other_subtitles` are the other files beside the video, best first, one a line: kind, language
    ("-" if none is known) and path. The fields of an info JSON beside the video (yt-dlp's) become labels and scores and go before
    the video's own tags.

    A document of sound alone has the content type `audio/...`, and a clip without width and height; steps that need pictures
    pass it. Members of a tar that are neither videos nor audio files are dropped (`not_a_video`), and so are links (`link`).
    A file is quarantined if it is a playlist or another kind of file, has no stream or no duration, is truncated, or breaks
    one of the limits below.

    Parameters:
        paths: Video and audio files, folders, tar files or glob patterns, local or `s3://`; one or a list.
        audio: Whether files of sound alone are read, too; if not, folders are searched for videos only, and a file without a
            video stream is quarantined. Default true, our choice.
        max_duration_s: Longer videos are quarantined. Seconds. Default 12 hours, our choice.
        max_pixels: Videos with larger frames are quarantined. Pixels of a frame. Default 2**26, our choice.
        duration_tolerance: A video is quarantined if its duration differs from the header's by more than this share of it and
            one second more. Share, 0 to 1. Default 0.1, our choice.
    """

    renamed: ClassVar[Mapping[str, str]] = {"max_lie": "duration_tolerance"}

    endings: ClassVar[tuple[str, ...]] = _ENDINGS

    paths: str | list[str]
    audio: bool = True
    max_duration_s: PositiveAmount = 12 * 3600.0
    max_pixels: Positive = 1 << 26
    duration_tolerance: Share = 0.1

    def provides(self) -> Iterable[Content]:
        return (VIDEO, *labels(*_LABELS), *scores("document", *_SCORES, *SCORE_KEYS))

    def notes(self) -> Iterable[str]:
        return path_notes(self.paths, self._endings, _BESIDE)

    def check(self) -> Iterable[str]:
        for module in ("av", "cv2"):
            if find_spec(module) is None:
                yield f"no module '{module}': pip install 'interloom[video]'"
        yield from path_problems(self.paths, self._endings)

    @property
    def _endings(self) -> tuple[str, ...]:
        return _ENDINGS if self.audio else (*_VIDEOS, ".tar")

    def splits(self) -> Sequence[Split]:
        splits = whole_files(self.paths, self._endings)
        folders = {folder: _identities(folder) for folder in {_folder(split) for split in splits}}
        return [_with_sidecar_identities(split, folders[_folder(split)]) for split in splits]

    def read(self, split: Split) -> Iterator[Outcome]:
        if split.path.lower().endswith(".tar"):
            return self._read_tar(split)
        sidecars = find_sidecars(split.path, _names(_folder(split)))
        return iter([self._outcome(split, split.name, document.Source(path=split.path, url=sidecars.url), sidecars)])

    def _read_tar(self, split: Split) -> Iterator[Outcome]:
        for outcome in until_broken(self._tar_outcomes(split)):
            if isinstance(outcome, Failure):
                outcome = Quarantined(document_id(split.name, ""), f"broken tar: {outcome.message} ({split.name})")
            yield outcome

    def _tar_outcomes(self, split: Split) -> Iterator[Outcome]:
        """Yields the videos of a tar. Raises what a broken one makes the libraries raise."""
        with opened_tar(split.path) as (tar, is_plain):
            if not is_plain:
                raise tarfile.ReadError("it is compressed; videos are read from plain tars")
            yield from (self._member(split, member) for member in tar if not member.isdir())

    def _member(self, split: Split, member: tarfile.TarInfo) -> Outcome:
        name = replace_surrogates(member.name)
        if not member.isfile() or not name.lower().endswith(self._endings[:-1]):
            reason = "not_a_video" if member.isfile() else "link"
            return Dropped(document_id(split.name, member.offset_data), Drop(reason), url=name)
        source = document.Source(path=split.path, offset=member.offset_data, length=member.size)
        return self._outcome(split, name, source, Sidecars())

    def _outcome(self, split: Split, name: str, source: document.Source, sidecars: Sidecars) -> Outcome:
        doc_id = document_id(split.name, name if source.offset is None else source.offset)
        try:
            facts = probe(source.path, source.offset, source.length)
            self._refuse_unusable(facts)
        except DocumentError as error:
            return Quarantined(doc_id, f"{error} ({name})", url=source.url or source.path)
        except KilledError as error:
            return Killed(doc_id, str(error), url=source.url or source.path)
        clip = Clip(
            position=0,
            start_s=0.0,
            end_s=round(facts.duration_s, 6),
            format=facts.format,
            width=facts.width or None,
            height=facts.height or None,
        )
        kind = "video" if facts.has_video else "audio"
        source = replace(source, content_type=f"{kind}/{facts.format}", licence=sidecars.labels.get("licence", ""))
        scores = {**sidecars.scores, **_scores(facts)}
        return Document(id=doc_id, source=source, elements=(clip,), labels=_labels(facts, sidecars), scores=scores)

    def _refuse_unusable(self, facts: Probe) -> None:
        """Raises DocumentError for a video that breaks one of the limits."""
        if not facts.has_video and not (self.audio and facts.audio):
            raise DocumentError("neither a video nor an audio stream" if self.audio else "no video stream")
        if facts.duration_s <= 0:
            raise DocumentError("0 s long")
        if facts.duration_s > self.max_duration_s:
            raise DocumentError(f"{facts.duration_s:.0f} s long, more than {self.max_duration_s:.0f}")
        if facts.width * facts.height > self.max_pixels:
            raise DocumentError(f"frames of {facts.width} x {facts.height} pixels are too large")
        tolerance_s = self.duration_tolerance * facts.declared_s + _DURATION_TOLERANCE_S
        if facts.declared_s and abs(facts.declared_s - facts.duration_s) > tolerance_s:
            raise DocumentError(f"the header states {facts.declared_s:.1f} s but the file ends at {facts.duration_s:.1f} s")


def _folder(split: Split) -> str:
    return split.path.rpartition("/")[0]


def _with_sidecar_identities(split: Split, identities: Mapping[str, str]) -> Split:
    """Adds the identities of the video's sidecars to the split's, so that a changed subtitle file makes it another input."""
    names = sidecar_names(split.path, identities)
    return replace(split, identity="; ".join([split.identity, *(f"{name} {identities[name]}" for name in names)]))


def _identities(folder: str) -> dict[str, str]:
    """The identity (size and time of change, or etag) of each file in a folder, by file name."""
    files = storage.glob(storage.join(globbing.escape(folder or "."), "*"))
    return {file.path.rpartition("/")[2]: file.identity for file in files}


@lru_cache(maxsize=4)
def _names(folder: str) -> frozenset[str]:
    return frozenset(storage.list_names(folder or "."))


def _labels(facts: Probe, sidecars: Sidecars) -> dict[str, str]:
    """The document's labels; those of the info JSON go before the file's own tags."""
    labels = {label: facts.tags[tag] for tag, label in _LABEL_OF_TAG.items() if facts.tags.get(tag)}
    language = next((track.language for track in facts.audio if track.language), "")
    labels |= {"video_codec": facts.codec, "audio_codec": facts.audio[0].codec if facts.audio else "", "language": language}
    labels["chapters"] = "\n".join(f"{start:.3f} {end:.3f} {title}" for start, end, title in facts.chapters)
    if sidecars.subtitles:
        labels |= {"subtitles": sidecars.subtitles, "subtitle_kind": sidecars.subtitle_kind}
        labels["subtitle_language"] = sidecars.subtitle_language
        others = (f"{kind} {language or '-'} {path}" for kind, language, path in sidecars.others if path.isprintable())
        labels["other_subtitles"] = "\n".join(others)
    elif facts.subtitles:
        labels |= {"subtitle_kind": "embedded", "subtitle_language": facts.subtitles[0].language}
    return {key: replace_surrogates(value) for key, value in {**labels, **sidecars.labels}.items() if value}


def _scores(facts: Probe) -> dict[str, float]:
    return {
        "duration_s": round(facts.duration_s, 6),
        "fps": round(facts.fps, 6),
        "rotation": float(facts.rotation),
        "audio_tracks": float(len(facts.audio)),
        "subtitle_tracks": float(len(facts.subtitles)),
        "attachments": float(facts.attachments),
    }
