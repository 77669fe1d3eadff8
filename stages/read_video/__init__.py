"""Videos from files, folders, tar files and S3: one document per video, the file itself left where it is."""

from __future__ import annotations

import glob as globbing
import tarfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import blake2b
from importlib.util import find_spec

from interloom.pipeline.errors import DocumentError
from interloom.pipeline.stage import Source, Split
from interloom.pipeline.store import storage
from interloom.schemas import document
from interloom.schemas.document import Clip, Document
from interloom.schemas.outcome import Drop, Dropped, Outcome, Quarantined
from interloom.stages._input.splits import as_list, missing, whole_files
from interloom.stages._video.probe import Probe, probe
from interloom.stages.read_documents.foreign_rows import clean
from interloom.stages.read_video.sidecars import Beside, beside, files_beside

_VIDEOS = (".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi", ".flv", ".wmv", ".mpg", ".mpeg", ".m2ts", ".ogv", ".3gp")
_ENDINGS = (*_VIDEOS, ".tar")
_TAGS = {"title": "title", "artist": "author", "language": "language", "copyright": "licence", "description": "description"}


@dataclass(frozen=True, kw_only=True)
class ReadVideo(Source):
    """One document per video file or member of a tar, with one `Clip` that spans it and holds no bytes.

    Nothing is decoded but one picture. Labels say the container, codecs, title, language, chapters and the `subtitles` beside
    the file (`subtitle_kind` manual or automatic) or inside it (embedded); an info JSON beside it (yt-dlp's) adds its words
    and numbers. Quarantined: what is no video file (a playlist, too), has no video stream or no length, is cut short, is
    larger than `max_pixels` a picture or `max_duration_s`, or is shorter or longer than its header says by more than the
    share `max_lie` and a second.
    """

    paths: str | list[str]
    max_duration_s: float = 12 * 3600.0
    max_pixels: int = 1 << 26
    max_lie: float = 0.1

    def check(self) -> Iterable[str]:
        for module in ("av", "cv2"):
            if find_spec(module) is None:
                yield f"no module '{module}': pip install 'interloom[video]'"
        yield from missing(self.paths, _ENDINGS)

    def splits(self) -> Sequence[Split]:
        splits = [split for pattern in as_list(self.paths) for split in whole_files(pattern, _ENDINGS)]
        folders = {folder: _identities(folder) for folder in {_folder(split) for split in splits}}
        return [_with_files_beside(split, folders[_folder(split)]) for split in splits]

    def read(self, split: Split) -> Iterator[Outcome]:
        if split.path.lower().endswith(".tar"):
            return self._tar(split)
        found = beside(split.path, _names(_folder(split)))
        return iter([self._outcome(split, split.name, document.Source(path=split.path, url=found.url), found)])

    def _tar(self, split: Split) -> Iterator[Outcome]:
        with storage.open(split.path) as file:
            try:
                with tarfile.open(fileobj=file, mode="r:") as tar:
                    yield from (self._member(split, member) for member in tar if member.isfile())
            except (tarfile.TarError, EOFError, OSError, zlib.error, ValueError) as error:
                yield Quarantined(_id(split, ""), f"broken tar: {error}"[:300])

    def _member(self, split: Split, member: tarfile.TarInfo) -> Outcome:
        name = clean(member.name)
        if not name.lower().endswith(_VIDEOS):
            return Dropped(_id(split, name), Drop("not_a_video"))
        source = document.Source(path=split.path, offset=member.offset_data, length=member.size)
        return self._outcome(split, name, source, Beside())

    def _outcome(self, split: Split, name: str, source: document.Source, found: Beside) -> Outcome:
        doc_id = _id(split, name)
        try:
            facts = probe(source.path, source.offset, source.length)
            self._judge(facts)
        except DocumentError as error:
            return Quarantined(doc_id, f"{error} ({name})", url=source.url)
        clip = Clip(
            position=0, start_s=0.0, end_s=round(facts.duration_s, 6), format=facts.format, width=facts.width, height=facts.height
        )
        source = replace(source, content_type=f"video/{facts.format}", licence=found.labels.get("licence", ""))
        scores = {**found.scores, **_scores(facts)}
        return Document(id=doc_id, source=source, elements=(clip,), labels=_labels(facts, found), scores=scores)

    def _judge(self, facts: Probe) -> None:
        """Raises DocumentError for what is not worth going on with."""
        if not facts.has_video:
            raise DocumentError("no video stream")
        if facts.duration_s <= 0:
            raise DocumentError("0 s long")
        if facts.duration_s > self.max_duration_s:
            raise DocumentError(f"{facts.duration_s:.0f} s long, more than {self.max_duration_s:.0f}")
        if facts.width * facts.height > self.max_pixels:
            raise DocumentError(f"pictures of {facts.width} x {facts.height} pixels")
        if facts.declared_s and abs(facts.declared_s - facts.duration_s) > self.max_lie * facts.declared_s + 1:
            raise DocumentError(f"says it is {facts.declared_s:.1f} s long but ends at {facts.duration_s:.1f} s")


def _id(split: Split, name: str) -> str:
    return blake2b(f"{split.name}\n{name}".encode()).hexdigest()[:32]


def _folder(split: Split) -> str:
    return split.path.rpartition("/")[0]


def _with_files_beside(split: Split, identities: Mapping[str, str]) -> Split:
    """The split whose identity changes with the subtitles and the info JSON beside its video, too."""
    names = files_beside(split.path, identities)
    return replace(split, identity="; ".join([split.identity, *(f"{name} {identities[name]}" for name in names)]))


def _identities(folder: str) -> dict[str, str]:
    """The names in a folder, and what changes with the content of each."""
    found = storage.glob(storage.join(globbing.escape(folder or "."), "*"))
    return {file.path.rpartition("/")[2]: file.identity for file in found}


@lru_cache(maxsize=4)
def _names(folder: str) -> frozenset[str]:
    return frozenset(storage.list_names(folder or "."))


def _labels(facts: Probe, found: Beside) -> dict[str, str]:
    """Words of the info JSON go before those of the file's own tags."""
    labels = {label: facts.tags[tag] for tag, label in _TAGS.items() if facts.tags.get(tag)}
    spoken = next((track.language for track in facts.audio if track.language), "")
    labels |= {"video_codec": facts.codec, "audio_codec": facts.audio[0].codec if facts.audio else "", "language": spoken}
    labels["chapters"] = "\n".join(f"{start:.3f} {end:.3f} {title}" for start, end, title in facts.chapters)
    if found.subtitles:
        labels |= {"subtitles": found.subtitles, "subtitle_kind": found.subtitle_kind}
        labels["subtitle_language"] = found.subtitle_language
    elif facts.subtitles:
        labels |= {"subtitle_kind": "embedded", "subtitle_language": facts.subtitles[0].language}
    return {key: clean(value) for key, value in {**labels, **found.labels}.items() if value}


def _scores(facts: Probe) -> dict[str, float]:
    return {
        "duration_s": round(facts.duration_s, 6),
        "fps": round(facts.fps, 6),
        "rotation": float(facts.rotation),
        "audio_tracks": float(len(facts.audio)),
        "subtitle_tracks": float(len(facts.subtitles)),
        "attachments": float(facts.attachments),
    }
