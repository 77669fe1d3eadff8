"""Cuts a time span out of a video file with ffmpeg, in such a way that the same span gives the same bytes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from interloom.pipeline.errors import DocumentError
from interloom.pipeline.temporary import temporary_folder
from interloom.stages._video.container import first_video_stream, open_container
from interloom.stages._video.file import Options, ffmpeg
from interloom.stages._video.frames import packets_from_i_frame

_MARGIN_S = 1e-3
"""Spans begin at frames; seeking this much before one finds it however its time is rounded."""
_EARLIER_S = 3.0
"""So long before an I-frame, files that seek to any frame are read; our choice."""
_REPRODUCIBLE: Options = {
    **{"fflags": "+bitexact", "flags:v": "+bitexact", "flags:a": "+bitexact"},
    **{"map_metadata": -1, "map_chapters": -1},
}
"""ffmpeg writes no version, time, metadata or chapters into the clip."""
_MP4_CODECS = frozenset({"h264", "hevc", "av1", "mpeg4", "aac", "mp3", "ac3", "opus"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutter:
    """Cuts clips in one way.

    mode: "encode" writes H.264 and AAC, exact to the frame; "copy" keeps the encoded frames.
    height: Most pixels an encoded clip is high. Default 720, our choice.
    crf: Quality of x264, 0 to 51, lower is better. Default 23, x264's own.
    audio: Whether clips keep the first audio stream.
    cpu_s: ffmpeg is stopped after so many seconds of CPU time. Default 600, our choice.
    """

    mode: Literal["encode", "copy"]
    height: int = 720
    crf: int = 23
    audio: bool = True
    cpu_s: float = 600.0

    def cut(self, path: str, start_s: float, end_s: float) -> Cut:
        """Cuts the span from the video at `path`. Raises DocumentError if no frame lies in it or ffmpeg fails."""
        streams = _Streams.of(path, start_s)
        is_copy = self.mode == "copy"
        begin_s = streams.i_frame_s if is_copy else start_s
        seek_s = begin_s + _MARGIN_S if is_copy else max(0.0, begin_s - _MARGIN_S)
        length_s = end_s - begin_s - (_MARGIN_S if is_copy or seek_s == begin_s else 0.0)
        container = "mp4" if not is_copy or streams.fit_mp4 else "matroska"
        with temporary_folder("clip") as folder:
            target = Path(folder) / f"clip.{container}"
            chosen = [str(streams.video), *(["a:0?"] if self.audio else [])]
            options: Options = {"t": f"{length_s:.6f}", **self._encoding(), **_REPRODUCIBLE, "f": container, "y": None}
            before: Options = {"threads": 1, "ss": f"{seek_s:.6f}"}
            if not streams.seeks_to_i_frames:
                before = {**before, "fflags": "+genpts"}
                if not is_copy:
                    early_s = max(0.0, streams.i_frame_s - _EARLIER_S)
                    before = {**before, "ss": f"{early_s:.6f}"}
                    options = {**options, "ss": f"{seek_s - early_s:.6f}"}
            ffmpeg(path, f"file:{target}", options, streams=chosen, before=before, cpu_s=self.cpu_s)
            width, height = _frame_size(target)
            return Cut(target.read_bytes(), "mp4" if container == "mp4" else "mkv", width, height, begin_s)

    def _encoding(self) -> Options:
        """ffmpeg's options for the codecs; a single thread, because x264's output depends on the number of threads."""
        if self.mode == "copy":
            return {"c": "copy", "avoid_negative_ts": "make_zero"}
        height = f"min({self.height // 2 * 2},max(2,trunc(ih/2)*2))"
        scale = f"scale='max(2,round({height}*a/2)*2)':'{height}':flags=bicubic+bitexact"
        video: Options = {"c:v": "libx264", "preset": "veryfast", "crf": self.crf, "pix_fmt": "yuv420p", "vf": scale}
        audio: Options = {"c:a": "aac", "b:a": "96k", "ac": 2}
        return {**video, **audio, "threads": 1, "filter_threads": 1, "movflags": "+faststart"}


@dataclass(frozen=True, slots=True)
class Cut:
    """A clip: its bytes, format ("mp4" or "mkv"), frame size in pixels, and where it begins in the video in seconds."""

    data: bytes
    format: str
    width: int
    height: int
    start_s: float


@dataclass(frozen=True, slots=True)
class _Streams:
    """The number of the video stream, whether mp4 can hold it and the audio, the time of the I-frame to begin at, and whether the
    file finds I-frames by itself: MPEG-TS and MPEG-PS seek to any frame.
    """

    video: int
    fit_mp4: bool
    i_frame_s: float
    seeks_to_i_frames: bool

    @classmethod
    def of(cls, path: str, start_s: float) -> _Streams:
        """Reads them from the file; `i_frame_s` is the last I-frame at or before `start_s`."""
        with open_container(path) as container:
            stream = first_video_stream(container)
            if stream is None:
                raise DocumentError("no video stream to cut clips from")
            audio = [track.codec_context.name for track in container.streams.audio[:1]]
            fit_mp4 = {stream.codec_context.name.removeprefix("lib"), *audio} <= _MP4_CODECS
            begin_s = (container.start_time or 0) / 1e6
            time_base = float(stream.time_base or 1e-6)
            container.seek(int((start_s + begin_s + _MARGIN_S) / time_base), stream=stream, backward=True)
            landed = next(container.demux(stream), None)
            packets = packets_from_i_frame(container, stream, start_s + _MARGIN_S)
            times = (packet.pts for packet in packets if packet.is_keyframe and packet.pts is not None)
            i_frame_s = next((pts * time_base - begin_s for pts in times), start_s)
            return cls(stream.index, fit_mp4, max(0.0, min(i_frame_s, start_s)), landed is None or landed.is_keyframe)


def _frame_size(clip: Path) -> tuple[int, int]:
    """Width and height of a written clip. Raises DocumentError if it holds no frame."""
    with open_container(str(clip)) as container:
        stream = first_video_stream(container)
        if stream is None or next(container.decode(stream), None) is None:
            raise DocumentError("no frame lies in this span")
        return stream.codec_context.width, stream.codec_context.height
