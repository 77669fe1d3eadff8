"""How long a video or a sound is: by its packets, and by its header."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO

from interloom.pipeline.errors import DocumentError

if TYPE_CHECKING:
    from av.container import InputContainer

_TAGS_BYTES = 10
_HEADER_BYTES = 4096
_FRAMES_STATED = re.compile(rb"(?:Xing|Info)...[\x01\x03\x05\x07\x09\x0b\x0d\x0f]|VBRI", re.DOTALL)
"""What says in an MP3 file how many frames it has, and so how long it is."""
_OPEN_END_S = 0.5
"""A header that ends so close to the beginning of the last frame leaves open how long that is shown; our choice."""


def states_length(file: BinaryIO) -> Callable[[str], bool]:
    """Whether a file of a format states its length; of MP3 without a header, and of AAC, FFmpeg guesses it by the first bytes.

    Raises DocumentError if there is nothing in the file.
    """
    head = file.read(_TAGS_BYTES)
    if not head:
        raise DocumentError("an empty file")
    tags = sum((byte & 0x7F) << 7 * (3 - n) for n, byte in enumerate(head[6:10])) + _TAGS_BYTES if head[:3] == b"ID3" else 0
    file.seek(tags)
    states_frames = bool(_FRAMES_STATED.search(file.read(_HEADER_BYTES)))
    file.seek(0)
    return lambda name: states_frames if name == "mp3" else name != "aac"


def last_frame(container: InputContainer) -> tuple[float, float]:
    """Seconds from the file's first timestamp to the start and to the end of its last packet.

    Reads all packets if the file cannot seek.
    """
    streams = [*container.streams.video, *container.streams.audio]
    start = container.start_time or 0
    if not streams:
        return 0.0, 0.0
    seeks = [max(0, container.duration + start - 1), start] if container.duration else [start]
    for offset in seeks:
        container.seek(offset, backward=True)
        packets = (packet for packet in container.demux(streams) if packet.pts is not None)
        times = ((packet.pts or 0, packet.duration or 0, packet.time_base or 0) for packet in packets)
        spans = ((float((pts + duration) * base), float(pts * base)) for pts, duration, base in times)
        end_s, last_s = max(spans, default=(-1.0, 0.0))  # a file without an index may seek to its end
        if end_s >= 0:
            return max(0.0, last_s - start / 1e6), max(0.0, end_s - start / 1e6)
    return 0.0, 0.0


def declared_s(container: InputContainer, last_s: float, duration_s: float) -> float:
    """The duration in the header, without the time before the first timestamp if the header counts that; 0 if it states none.

    A header may count a last frame as no time, where the file says that it is shown as long as the one before.

    29 s in the header of a file whose 24 s of picture begin at 5 s -> 24; 18 s of four slides of 6 s each -> 24
    """
    declared_s = max(0.0, (container.duration or 0) / 1e6)
    start_s = max(0.0, (container.start_time or 0) / 1e6)
    readings = (declared_s, declared_s - start_s) if declared_s > start_s else (declared_s,)
    closest_s = min(readings, key=lambda reading: abs(reading - duration_s))
    return duration_s if last_s - _OPEN_END_S <= closest_s <= duration_s else closest_s
