"""What a video file says of itself, read in a child process because the file is hostile until it has been read."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from interloom.pipeline.errors import DocumentError

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

_TIMEOUT_S = 60.0
_MEMORY_BYTES = 2 << 30
_MAX_WORDS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """A stream that is not the picture: `index` is its number in the file, `language` an ISO 639 code or empty."""

    index: int
    codec: str
    language: str = ""
    title: str = ""
    rate: int = 0
    is_default: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """`duration_s` from the first to the end of the last packet found at the file's end, `declared_s` what its header says
    (0 when nothing); width and height as shown, after `rotation` (degrees counterclockwise) and square pixels."""

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
    """Reads headers and the last packets of a local file, an object, or bytes [offset, offset + length) of one (a tar member).

    Raises DocumentError for what is no video file, is cut short, crashes the reader or takes longer than a minute.
    """
    command = [sys.executable, "-P", "-m", "interloom.stages._video.probe", path, json.dumps([offset, length])]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise DocumentError(f"its header took longer than {_TIMEOUT_S:g} s to read") from error
    answer: dict[str, Any] = (
        json.loads(done.stdout) if done.returncode == 0 and done.stdout else {"error": "its header crashes the reader"}
    )
    if "error" in answer:
        raise DocumentError(answer["error"])
    answer |= {kind: tuple(Track(**track) for track in answer[kind]) for kind in ("audio", "subtitles")}
    answer["chapters"] = tuple((float(start), float(end), str(title)) for start, end, title in answer["chapters"])
    return Probe(**answer)


def _probed(path: str, offset: int | None, length: int | None) -> Probe:
    from interloom.pipeline.store import storage
    from interloom.stages._video.container import open_container, picture_stream

    with storage.open(path) as file:
        part = file if offset is None else cast(BinaryIO, _Window(file, offset, length or 0))
        with open_container(part) as container:
            stream = picture_stream(container)
            shape = _shape(container, stream) if stream else {}
            end = _end(container)
            size = file.seek(0, 2) if offset is None else (length or 0)
            if stream and _missing_bytes(stream, size):
                raise DocumentError(f"cut short: its index names {_missing_bytes(stream, size)} bytes that are not there")
            return Probe(
                format=_format(container),
                duration_s=end,
                declared_s=max(0.0, (container.duration or 0) / 1e6),
                audio=tuple(map(_track, container.streams.audio)),
                subtitles=tuple(map(_track, container.streams.subtitles)),
                attachments=len(container.streams.attachments) + len(container.streams.video) - bool(stream),
                chapters=tuple(_chapters(container)),
                tags={str(key).lower()[:99]: str(value)[:_MAX_WORDS] for key, value in container.metadata.items()},
                **shape,
            )


def _format(container: InputContainer) -> str:
    """As in a media type: FFmpeg has one demuxer for MP4 and QuickTime."""
    name = container.format.name.split(",")[0]
    return "mp4" if name == "mov" and not container.metadata.get("major_brand", "").startswith("qt") else name


def _shape(container: InputContainer, stream: VideoStream) -> dict[str, Any]:
    """The picture's measures; the rotation is a matrix beside the first picture, which is decoded for it."""
    context = stream.codec_context
    aspect = float(stream.sample_aspect_ratio or 1) or 1.0
    width, height = round(context.width * aspect), context.height
    if width * height > 1 << 28:
        raise DocumentError(f"pictures of {width} x {height} pixels")
    rotation = next((frame.rotation for frame in container.decode(stream)), 0)
    turned = rotation % 180 != 0
    return {
        "codec": context.name,
        "width": height if turned else width,
        "height": width if turned else height,
        "fps": float(stream.average_rate or 0),
        "rotation": int(rotation),
    }


def _end(container: InputContainer) -> float:
    """Seconds from the file's first time stamp to the end of its last packet; all packets are read where it cannot seek."""
    streams = [*container.streams.video, *container.streams.audio]
    start = (container.start_time or 0) / 1e6
    if not streams:
        return 0.0
    if container.duration:
        container.seek(max(0, container.duration + (container.start_time or 0) - 1), backward=True)
    else:
        container.seek(container.start_time or 0, backward=True)
    packets = (packet for packet in container.demux(streams) if packet.pts is not None)
    ends = (float(((packet.pts or 0) + (packet.duration or 0)) * (packet.time_base or 0)) for packet in packets)
    return max(0.0, max(ends, default=start) - start)


def _missing_bytes(stream: VideoStream, size: int) -> int:
    entries = stream.index_entries
    last = max((entry.pos + entry.size for entry in entries), default=0) if len(entries) else 0
    return max(0, last - size)


def _track(stream: Any) -> Track:
    context = stream.codec_context
    return Track(
        index=stream.index,
        codec=context.name if context else "",
        language=(stream.language or "").replace("und", ""),
        title=stream.metadata.get("title", "")[:_MAX_WORDS],
        rate=getattr(context, "sample_rate", 0) or 0,
        is_default=bool(int(stream.disposition) & 1),
    )


def _chapters(container: InputContainer) -> Iterator[tuple[float, float, str]]:
    for chapter in container.chapters():
        base = float(chapter["time_base"] or 0)
        yield chapter["start"] * base, chapter["end"] * base, str(chapter["metadata"].get("title", ""))[:_MAX_WORDS]


class _Window:
    """Bytes [start, start + size) of a file as a file, which is all PyAV asks of it."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._file, self._start, self._size, self._at = file, start, size, 0

    def read(self, size: int = -1) -> bytes:
        left = self._size - self._at
        self._file.seek(self._start + self._at)
        piece = self._file.read(left if size < 0 else min(size, left))
        self._at += len(piece)
        return piece

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = max(0, offset + (0, self._at, self._size)[whence])
        return self._at

    def tell(self) -> int:
        return self._at

    def seekable(self) -> bool:
        return True


def _answer(path: str, place: str) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    write = partial(json.dump, fp=sys.stdout)
    try:
        write(asdict(_probed(path, *json.loads(place))))
    except (DocumentError, MemoryError) as error:
        write({"error": str(error) or "its header eats memory"})


if __name__ == "__main__":
    _answer(*sys.argv[1:])
