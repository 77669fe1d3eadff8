"""Single frames of a video: a few inside a span of time, and frames at a low rate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from interloom.stages._video.container import open_container, picture_stream

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

Grey = npt.NDArray[np.uint8]
Span = tuple[float, float]
Look = tuple[Grey, float]
Timed = tuple[float, "VideoFrame"]

_NEAR_S = 1e-3
"""Frame times are rounded to the stream's time base; frames are further apart than this."""


def looks(path: str, samples: list[tuple[Span, float]], gaps_s: tuple[float, ...], width: int) -> Iterator[list[Look]]:
    """For each sample (span, time in it): a grey frame of the span and those `gaps_s` later, each with the seconds since the
    first; fewer where the span ends before, none where it cannot be decoded.

    The first is the intra frame before the time if that lies in the span, because it needs no other frame decoded. Frames
    are `width` wide and in proportion high.
    """
    with _opened(path) as (container, stream):
        for span, time_s in samples:
            found = _found(_from(container, stream, time_s), span, time_s, gaps_s) if stream else []
            yield [(_grey(frame, width), at - found[0][0]) for at, frame in found]


def _found(frames: Iterator[Timed], span: Span, time_s: float, gaps_s: tuple[float, ...]) -> list[Timed]:
    first = next(frames, None)
    if first is not None and first[0] < span[0] - _NEAR_S:
        first = next((one for one in frames if one[0] >= time_s - _NEAR_S), None)
    found = [first] if first is not None and first[0] < span[1] - _NEAR_S else []
    for gap_s in gaps_s if found else ():
        later = next((one for one in frames if one[0] >= found[0][0] + gap_s - _NEAR_S), None)
        if later is None or later[0] >= span[1] - _NEAR_S:
            break
        found.append(later)
    return found


def at_rate(path: str, fps: float, side: int) -> Iterator[tuple[float, bytes]]:
    """The first frame of each 1/fps seconds: its time, and it as a PPM file with a shorter side of `side` pixels at most."""
    with _opened(path) as (container, stream):
        number = 0
        for at, frame in _from(container, stream, None) if stream else ():
            if at >= number / fps - _NEAR_S:
                number = int((at + _NEAR_S) * fps) + 1
                yield at, _ppm(frame, side)


@contextmanager
def _opened(path: str) -> Iterator[tuple[InputContainer, VideoStream | None]]:
    with open_container(path) as container:
        stream = picture_stream(container)
        if stream is not None:
            stream.thread_type = "AUTO"
        yield container, stream


def _from(container: InputContainer, stream: VideoStream, time_s: float | None) -> Iterator[Timed]:
    """Frames from the intra frame at or before this time, with their times from the file's start; what is broken is left out."""
    import av

    start = (container.start_time or 0) / 1e6
    base = float(stream.time_base or 1e-6)
    try:
        if time_s is not None:
            container.seek(int((time_s + start + _NEAR_S) / base), stream=stream, backward=True)
        for packet in container.demux(stream):
            for frame in _decoded(stream, packet):
                if frame.pts is not None:
                    yield frame.pts * base - start, frame
    except av.FFmpegError:
        return


def _decoded(stream: VideoStream, packet: object) -> list[VideoFrame]:
    import av

    try:
        return list(stream.decode(packet))  # type: ignore[arg-type]
    except av.FFmpegError:
        return []


def _grey(frame: VideoFrame, width: int) -> Grey:
    height = max(2, round(width * frame.height / max(frame.width, 1)))
    return frame.reformat(width=width, height=height, format="gray", interpolation="AREA").to_ndarray().astype(np.uint8)


def _ppm(frame: VideoFrame, side: int) -> bytes:
    scale = min(1.0, side / max(1, min(frame.width, frame.height)))
    width, height = max(1, round(frame.width * scale)), max(1, round(frame.height * scale))
    pixels = frame.reformat(width=width, height=height, format="rgb24", interpolation="AREA").to_ndarray()
    return b"P6 %d %d 255\n" % (width, height) + pixels.tobytes()
