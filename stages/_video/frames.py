"""Decodes single frames of a video: a few inside a time span, or all at a low rate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from interloom.stages._video.container import first_video_stream, open_container

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

Grey = npt.NDArray[np.uint8]
"""A frame's grey values, (height, width)."""
Span = tuple[float, float]
"""Start and end in seconds."""
GreyFrame = tuple[Grey, float]
"""A frame and the seconds since the first frame of the same sample."""
TimedFrame = tuple[float, "VideoFrame"]
"""The presentation time of a frame in seconds since the file's start, and the frame."""

_TOLERANCE_S = 1e-3
"""Presentation times are rounded to the stream's time base; consecutive frames are further apart than this."""
_WITHOUT_INDEX = ("mpegts", "mpeg")
_FIRST_STEP_BACK_S = 1.0
"""How far an I-frame is looked for before a place without one at first; each further step is twice as long. Our choice."""
_HELD_S = 1.0
"""A frame that is shown for so long is held, as on a recorded screen that is still; our choice."""


def sample_frames(
    path: str, samples: list[tuple[Span, float]], gaps_s: tuple[float, ...], width: int
) -> Iterator[list[GreyFrame]]:
    """Yields a few grey frames for each sample: one of its span, and those `gaps_s` later in the same span.

    path: The local video file.
    samples: A time span and a time in it, in seconds. The first frame is the I-frame before that time if it lies in the span,
        because it decodes without other frames; otherwise the frame at that time.
    gaps_s: Seconds after the first frame, ascending. A sample has fewer frames if its span ends before, and none if nothing can
        be decoded.
    width: Pixels. Frames are reduced to this width and keep their proportions.
    """
    with _open_stream(path) as (container, stream):
        for span, time_s in samples:
            frames = _choose(_frames_from(container, stream, time_s), span, time_s, gaps_s) if stream else []
            yield [(_grey(frame, width), at_s - frames[0][0]) for at_s, frame in frames]


def _choose(frames: Iterator[TimedFrame], span: Span, time_s: float, gaps_s: tuple[float, ...]) -> list[TimedFrame]:
    """The frames of one sample.

    A frame lasts until the next one, so a held frame is also what is shown later.

    Frames every 0.1 s from an I-frame at 3.0 s, span (2.0, 4.0), time 3.25, gaps (0.2, 1.0) -> the frames at 3.0 and 3.2 s
    """
    last, upcoming = next(frames, None), next(frames, None)
    if last is None or last[0] >= span[1] - _TOLERANCE_S:
        return []
    chosen = [last] if last[0] >= span[0] - _TOLERANCE_S else []
    for gap_s in gaps_s if chosen else (0.0, *gaps_s):
        wanted_s = (chosen[0][0] if chosen else time_s) + gap_s
        while upcoming is not None and upcoming[0] < wanted_s - _TOLERANCE_S:
            last, upcoming = upcoming, next(frames, None)
        shown = _shown(last, upcoming, wanted_s, span[1])
        if shown is None:
            break
        chosen.append(shown)
    return chosen


def _shown(last: TimedFrame, upcoming: TimedFrame | None, wanted_s: float, end_s: float) -> TimedFrame | None:
    """The frame at a time: the next one, or the last one if it is held; None if the span ends before.

    Frames at 3.0 and 9.0 s, time 4.0, end 9.0 -> the frame at 3.0 s; frames at 3.9 and 4.1 s -> the frame at 4.1 s
    """
    next_s = end_s if upcoming is None else upcoming[0]
    if next_s - last[0] >= _HELD_S and last[0] <= wanted_s < end_s - _TOLERANCE_S:
        return wanted_s, last[1]
    return upcoming if next_s < end_s - _TOLERANCE_S else None


def frames_at_rate(path: str, fps: float, side: int) -> Iterator[tuple[float, bytes]]:
    """Yields the first frame of each 1/fps seconds: its time in seconds and the frame as a PPM file.

    `side` is the most pixels of its shorter side.
    """
    with _open_stream(path) as (container, stream):
        number = 0
        for time_s, frame in _frames_from(container, stream, None) if stream else ():
            if time_s >= number / fps - _TOLERANCE_S:
                number = int((time_s + _TOLERANCE_S) * fps) + 1
                yield time_s, _ppm(frame, side)


@contextmanager
def _open_stream(path: str) -> Iterator[tuple[InputContainer, VideoStream | None]]:
    with open_container(path) as container:
        stream = first_video_stream(container)
        if stream is not None:
            stream.thread_type = "AUTO"
        yield container, stream


def _frames_from(container: InputContainer, stream: VideoStream, time_s: float | None) -> Iterator[TimedFrame]:
    """Yields the frames from the last I-frame at or before `time_s` (None: from the first frame); skips broken ones."""
    import av

    start_s = (container.start_time or 0) / 1e6
    time_base = float(stream.time_base or 1e-6)
    try:
        packets = container.demux(stream) if time_s is None else packets_from_i_frame(container, stream, time_s)
        for packet in packets:
            for frame in _decoded(stream, packet):
                if frame.pts is not None:
                    yield frame.pts * time_base - start_s, frame
    except av.FFmpegError:
        return


def packets_from_i_frame(container: InputContainer, stream: VideoStream, time_s: float) -> Iterator[Packet[VideoStream]]:
    """Yields the packets of a stream from the last I-frame at or before `time_s`, in seconds since the file's start.

    A file without an index may seek to any packet; then earlier places are tried. If it ends before `time_s`, it has none.
    """
    time_base = float(stream.time_base or 1e-6)
    start_s = (container.start_time or 0) / 1e6
    wanted = int((time_s + start_s + _TOLERANCE_S) / time_base)
    back_s = 0.0
    while True:
        place = wanted - int(back_s / time_base)
        container.seek(place, stream=stream, backward=True)
        packets = container.demux(stream)
        first, last = next(packets, None), None
        if first is None or first.is_keyframe or back_s > time_s or container.format.name not in _WITHOUT_INDEX:
            break
        latest = first.pts or 0
        for packet in packets:
            latest = max(latest, packet.pts or 0)
            if latest > wanted:
                break
            last = packet.pts if packet.is_keyframe else last
        if latest < wanted - _HELD_S / time_base:
            return
        if last is not None:
            container.seek(place, stream=stream, backward=True)
            yield from (packet for packet in container.demux(stream) if packet.pts is None or packet.pts >= last)
            return
        back_s = max(_FIRST_STEP_BACK_S, 2 * back_s)
    if first is not None:
        yield first
    yield from packets


def _decoded(stream: VideoStream, packet: object) -> list[VideoFrame]:
    """The frames that the decoder returns for a packet; a broken packet gives none."""
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
