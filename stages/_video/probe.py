"""Reads a video's headers in a child process, because a hostile file may crash, hang or bloat the process that reads it."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from interloom.pipeline import child_process
from interloom.pipeline.errors import DocumentError, Failure, guarded
from interloom.pipeline.program import Program
from interloom.stages._video import duration

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

_CPU_S = 60.0
"""CPU time of the child process; our choice."""
_MAX_PIXELS = 1 << 28
"""Videos with larger frames are refused before any frame is decoded; our choice."""
_MAX_TITLE_CHARS = 1000
_MAX_TAG_NAME_CHARS = 99
_DEFAULT, _PARTIAL = 0x1, 0x8 | 0x20 | 0x40 | 0x100
"""FFmpeg's marks of tracks (AV_DISPOSITION): default; comment, karaoke, forced, for the visually impaired."""
_PARTIAL_TITLE = re.compile(r"\b(?:forced|signs?|songs?|karaoke|commentary)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """An audio or subtitle stream.

    `index` is the stream's number in the file, `language` an ISO 639 code or "" if unknown, `rate` samples per second (0 for
    subtitles); `is_default` is the file's mark of the track that a player chooses, `is_partial` says that the track does not hold
    all that is said: forced subtitles, those of signs and songs, commentaries, descriptions of what is seen.
    """

    index: int
    codec: str
    language: str = ""
    title: str = ""
    rate: int = 0
    is_default: bool = False
    is_partial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What the headers and the last packets of a video file state.

    `duration_s` is the time from the first timestamp to the end of the last packet in the file, `declared_s` the duration in
    the header (0 if it states none), from the same timestamp on: Matroska and others count it from 0. `codec` is "" if there
    is no video stream. `width` and `height` are in pixels as a player shows them: after `rotation` (degrees counterclockwise)
    and with square pixels. `attachments` counts attached files, cover images and further video streams. `chapters` are (start
    in seconds, end in seconds, title).
    """

    format: str
    duration_s: float
    declared_s: float
    codec: str = ""
    width: int = 0
    height: int = 0
    fps: float = 0.0
    rotation: int = 0
    audio: tuple[Track, ...] = ()
    subtitles: tuple[Track, ...] = ()
    attachments: int = 0
    chapters: tuple[tuple[float, float, str], ...] = ()
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def has_video(self) -> bool:
        return bool(self.codec)


def probe(path: str, offset: int | None = None, length: int | None = None) -> Probe:
    """Reads the headers and the last packets of a video in a child process.

    path: A local file or an object's address.
    offset: The first byte of the video if it is part of the file (a tar member).
    length: The bytes of the video from `offset` on.

    Raises DocumentError if it is not a video file, is truncated, crashes the child process or takes more than a minute of CPU
    time; KilledError if the child process is ended from outside again and again.
    """
    command = child_process.command("stages._video.probe", path, json.dumps([offset, length]))
    finished = Program(name="reading the header", cpu_s=_CPU_S).run(command, environment=child_process.environment())
    if finished.status != 0 or not finished.output:
        raise DocumentError("the header crashes the reader")
    answer: dict[str, Any] = json.loads(finished.output)
    if "error" in answer:
        raise DocumentError(answer["error"])
    answer |= {kind: tuple(Track(**track) for track in answer[kind]) for kind in ("audio", "subtitles")}
    answer["chapters"] = tuple((float(start), float(end), str(title)) for start, end, title in answer["chapters"])
    return Probe(**answer)


def _probe_here(path: str, offset: int | None, length: int | None) -> Probe:
    """Like `probe`, in this process."""
    from interloom.pipeline.store import storage
    from interloom.stages._video.container import first_video_stream, open_container

    with storage.open(path) as file:
        part = file if offset is None else cast(BinaryIO, _FileSlice(file, offset, length or 0))
        states_length = duration.states_length(part)
        with open_container(part) as container:
            stream = first_video_stream(container)
            video = _video_properties(container, stream) if stream else {}
            last_s, duration_s = duration.last_frame(container)
            size = file.seek(0, 2) if offset is None else (length or 0)
            if stream and _missing_bytes(stream, size):
                raise DocumentError(f"truncated: its index refers to {_missing_bytes(stream, size)} bytes after its end")
            return Probe(
                format=_format(container),
                duration_s=duration_s,
                declared_s=duration.declared_s(container, last_s, duration_s) if states_length(container.format.name) else 0.0,
                audio=tuple(map(_track, container.streams.audio)),
                subtitles=tuple(map(_track, container.streams.subtitles)),
                attachments=len(container.streams.attachments) + len(container.streams.video) - bool(stream),
                chapters=tuple(_chapters(container)),
                tags={
                    str(key).lower()[:_MAX_TAG_NAME_CHARS]: str(value)[:_MAX_TITLE_CHARS]
                    for key, value in container.metadata.items()
                },
                **video,
            )


def _format(container: InputContainer) -> str:
    """The container format as in a media type; "mp4" or "mov" by the brand, as FFmpeg has one demuxer for both.

    "mov,mp4,m4a,3gp,3g2,mj2" with the brand "isom" -> "mp4", with the brand "qt  " -> "mov"
    """
    name = container.format.name.split(",")[0]
    return "mp4" if name == "mov" and not container.metadata.get("major_brand", "").startswith("qt") else name


def _video_properties(container: InputContainer, stream: VideoStream) -> dict[str, Any]:
    """Codec, size, rate and rotation. Decodes the first frame, because the rotation is side data of frames."""
    context = stream.codec_context
    aspect = float(stream.sample_aspect_ratio or 1) or 1.0
    width, height = round(context.width * aspect), context.height
    if width * height > _MAX_PIXELS:
        raise DocumentError(f"frames of {width} x {height} pixels are too large")
    rotation = next((frame.rotation for frame in container.decode(stream)), 0)
    is_on_its_side = rotation % 180 != 0
    return {
        "codec": context.name,
        "width": height if is_on_its_side else width,
        "height": width if is_on_its_side else height,
        "fps": float(stream.average_rate or 0),
        "rotation": int(rotation),
    }


def _missing_bytes(stream: VideoStream, size: int) -> int:
    """How many bytes the stream's index refers to after the end of a file of `size` bytes.

    A last entry of 200 bytes at byte 900 in a file of 1000 bytes -> 100
    """
    entries = stream.index_entries
    end = max((entry.pos + entry.size for entry in entries), default=0) if len(entries) else 0
    return max(0, end - size)


def _track(stream: Any) -> Track:
    context = stream.codec_context
    return Track(
        index=stream.index,
        codec=context.name if context else "",
        language=(stream.language or "").replace("und", ""),
        title=stream.metadata.get("title", "")[:_MAX_TITLE_CHARS],
        rate=getattr(context, "sample_rate", 0) or 0,
        is_default=bool(int(stream.disposition) & _DEFAULT),
        is_partial=bool(int(stream.disposition) & _PARTIAL or _PARTIAL_TITLE.search(stream.metadata.get("title", ""))),
    )


def _chapters(container: InputContainer) -> Iterator[tuple[float, float, str]]:
    for chapter in container.chapters():
        base = float(chapter["time_base"] or 0)
        yield chapter["start"] * base, chapter["end"] * base, str(chapter["metadata"].get("title", ""))[:_MAX_TITLE_CHARS]


class _FileSlice:
    """Bytes [start, start + size) of a file as a file object with the four methods that PyAV calls."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._file, self._start, self._size, self._position = file, start, size, 0

    def read(self, size: int = -1) -> bytes:
        left = self._size - self._position
        self._file.seek(self._start + self._position)
        chunk = self._file.read(left if size < 0 else min(size, left))
        self._position += len(chunk)
        return chunk

    def seek(self, offset: int, whence: int = 0) -> int:
        self._position = max(0, offset + (0, self._position, self._size)[whence])
        return self._position

    def tell(self) -> int:
        return self._position

    def seekable(self) -> bool:
        return True


def _child_main(path: str, offset_and_length: str) -> None:
    """What the child process does: writes the Probe, or {"error": message}, as JSON to standard output; fails without memory."""
    probed = guarded(lambda: _probe_here(path, *json.loads(offset_and_length)))
    if isinstance(probed, Failure) and probed.lacked_memory:
        sys.exit(f"MemoryError: {probed.message}")
    json.dump({"error": probed.message} if isinstance(probed, Failure) else asdict(probed), sys.stdout)


if __name__ == "__main__":
    _child_main(*sys.argv[1:])
