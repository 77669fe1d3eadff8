"""Cuts a span out of a video file with ffmpeg, to the same bytes each time."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from interloom.pipeline.errors import DocumentError
from interloom.stages._video.container import open_container, picture_stream
from interloom.stages._video.file import ffmpeg

_HAIR_S = 1e-3
"""Spans begin on frames; a cut a hair before one takes it, whatever its time is rounded to."""
_SAME = ("-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact", "-map_metadata", "-1", "-map_chapters", "-1")
_MP4_CODECS = frozenset({"h264", "hevc", "av1", "mpeg4", "aac", "mp3", "ac3", "opus"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutter:
    """How clips are written. `height` is the most pixels they are high when encoded, `crf` the quality of x264."""

    mode: Literal["encode", "copy"]
    height: int = 720
    crf: int = 23
    audio: bool = True
    timeout_s: float = 600.0

    def cut(self, path: str, start_s: float, end_s: float) -> Cut:
        """The span's bytes. Raises DocumentError when there are no frames in it or ffmpeg fails."""
        tracks = _Tracks.of(path, start_s)
        begin = tracks.intra_s if self.mode == "copy" else start_s
        seek = begin + _HAIR_S if self.mode == "copy" else max(0.0, begin - _HAIR_S)
        length = end_s - begin - (_HAIR_S if self.mode == "copy" or seek == begin else 0.0)
        container = "mp4" if self.mode == "encode" or tracks.fit_mp4 else "matroska"
        with tempfile.TemporaryDirectory(prefix="interloom-clip-") as folder:
            target = Path(folder) / f"clip.{container}"
            streams = ["-map", f"0:{tracks.video}", *(["-map", "0:a:0?"] if self.audio else [])]
            output = ["-t", f"{length:.6f}", *streams, *self._how(), *_SAME, "-f", container, "-y", f"file:{target}"]
            ffmpeg(path, output, before=("-threads", "1", "-ss", f"{seek:.6f}"), timeout_s=self.timeout_s)
            width, height = _shape(target)
            return Cut(target.read_bytes(), "mp4" if container == "mp4" else "mkv", width, height, begin)

    def _how(self) -> list[str]:
        if self.mode == "copy":
            return ["-c", "copy", "-avoid_negative_ts", "make_zero"]
        scale = f"scale=-2:'min({self.height // 2 * 2},trunc(ih/2)*2)':flags=bicubic+bitexact"
        picture = ["-c:v", "libx264", "-preset", "veryfast", "-crf", str(self.crf), "-pix_fmt", "yuv420p", "-vf", scale]
        sound = ["-c:a", "aac", "-b:a", "96k", "-ac", "2"]
        return [*picture, *sound, "-threads", "1", "-filter_threads", "1", "-movflags", "+faststart"]


@dataclass(frozen=True, slots=True)
class Cut:
    """A clip's bytes, format (mp4, mkv) and size in pixels; `start_s` is where it begins in the video it was cut from."""

    data: bytes
    format: str
    width: int
    height: int
    start_s: float


@dataclass(frozen=True, slots=True)
class _Tracks:
    """The number of the picture's stream, whether mp4 can hold it and the sound, and the last intra frame before a time."""

    video: int
    fit_mp4: bool
    intra_s: float

    @classmethod
    def of(cls, path: str, start_s: float) -> _Tracks:
        with open_container(path) as container:
            stream = picture_stream(container)
            if stream is None:
                raise DocumentError("has no picture to cut clips from")
            sounds = [sound.codec_context.name for sound in container.streams.audio[:1]]
            fits = {stream.codec_context.name.removeprefix("lib"), *sounds} <= _MP4_CODECS
            begin = (container.start_time or 0) / 1e6
            base = float(stream.time_base or 1e-6)
            container.seek(int((start_s + begin + _HAIR_S) / base), stream=stream, backward=True)
            times = (packet.pts for packet in container.demux(stream) if packet.is_keyframe and packet.pts is not None)
            intra = next((pts * base - begin for pts in times), start_s)
            return cls(stream.index, fits, max(0.0, min(intra, start_s)))


def _shape(clip: Path) -> tuple[int, int]:
    with open_container(str(clip)) as container:
        stream = picture_stream(container)
        if stream is None or next(container.decode(stream), None) is None:
            raise DocumentError("there is no frame in this span")
        return stream.codec_context.width, stream.codec_context.height
