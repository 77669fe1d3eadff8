"""A video as groups of packets that begin with a key picture. Only the key pictures are decoded, until a group is looked into."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from statistics import median
from typing import TYPE_CHECKING

from pipeline.errors import DocumentError
from stages._video_container import open_container, picture_stream
from stages._video_signature import Signature, signature

if TYPE_CHECKING:
    from av.codec.context import CodecContext
    from av.packet import Packet
    from av.video.frame import VideoFrame

_MAX_PACKETS, _MAX_BYTES = 900, 48 << 20
"""A group longer than this (screen recordings with one key picture) is handed out in pieces."""
_REORDERED = 16  # H.264 and HEVC show no picture later than 16 after they were given it
_SPIKE_OF_KEY, _SPIKE_OF_MEDIAN = 0.02, 4.0


@dataclass(slots=True)
class Sample:
    """A frame at `time_s`. `gap`: frames before it were left out because nothing happened in them."""

    time_s: float
    frame: VideoFrame
    sig: Signature
    gap: bool = False


@dataclass(slots=True)
class Gop:
    """Packets from a key picture up to the next. `first` is None where the key picture cannot be shown, or in a piece that
    continues a group; `after` is the next group's first frame, None at the end and before a continuing piece."""

    first: Sample | None
    packets: list[Packet] = field(default_factory=list)
    tail: list[Packet] = field(default_factory=list)
    after: Sample | None = None
    continues: bool = False
    goes_on: bool = False

    @property
    def largest(self) -> float:
        """The largest packet behind the key picture, as a share of it."""
        inner = self._inner()
        return max((p.size for p in inner), default=0) / max(1, self.packets[0].size)

    @property
    def quiet(self) -> bool:
        """No packet holds more than a trace of a picture: what changed, changed at the next key picture."""
        return bool(self.packets) and not self.continues and self.largest < _SPIKE_OF_KEY

    @property
    def last_spike(self) -> int:
        """How many packets to decode until after the last one that may hold a change."""
        inner = self._inner()
        limit = max(_SPIKE_OF_KEY * self.packets[0].size, _SPIKE_OF_MEDIAN * median(p.size for p in inner)) if inner else 0
        last = max((n for n, p in enumerate(inner) if p.size >= limit), default=-1)
        return len(self.packets) if self.goes_on or self.continues else last + 2 + _REORDERED

    def _inner(self) -> list[Packet]:
        return self.packets if self.continues else self.packets[1:]


class GopReader:
    """Reads the picture stream of a local file once, front to back. `end_s` grows with the packets read."""

    def __init__(self, path: str, max_pixels: int) -> None:
        self._path, self._max_pixels = path, max_pixels
        self.end_s, self.keys, self.broken, self._start_s = 0.0, 0, 0, 0.0
        self._base = Fraction(1, 1000)
        self._looker: CodecContext | None = None

    def __iter__(self) -> Iterator[Gop]:
        with open_container(self._path) as container, open_container(self._path) as second:
            stream, again = picture_stream(container), picture_stream(second)
            if stream is None or again is None:
                raise DocumentError("no video stream")
            if stream.codec_context.width * stream.codec_context.height > self._max_pixels:
                raise DocumentError(f"pictures of {stream.codec_context.width} x {stream.codec_context.height} pixels")
            for context in (stream.codec_context, again.codec_context):
                context.thread_count = 1
            self._looker = again.codec_context
            self._base = stream.time_base or Fraction(1, 1000)
            self._start_s = (container.start_time or 0) / 1e6
            yield from self._gops(container.demux(stream), stream.codec_context)

    def frames(self, packets: list[Packet], *, last: bool, fresh: bool = False) -> Iterator[Sample]:
        """Every frame of these packets, which follow the ones given before unless `fresh`; all that is left when `last`."""
        assert self._looker is not None
        if fresh:
            self._looker.flush_buffers()
        for packet in [*packets, None] if last else packets:
            for frame in _decoded(self._looker, packet):
                sample = self._sample(frame)
                if sample:
                    yield sample

    def _gops(self, packets: Iterator[Packet], context: CodecContext) -> Iterator[Gop]:
        gop: Gop | None = None
        held: Gop | None = None
        for packet in packets:
            if packet.pts is None and packet.dts is None:
                continue
            if packet.is_keyframe:
                if held is not None:
                    yield held
                held, gop = gop, Gop(self._key(packet, context), [packet])
                if held is not None:
                    held.after, held.tail = gop.first, [packet]
            elif gop is not None:
                if held is not None and _is_before(packet, gop.packets[0]):
                    held.tail.append(packet)
                elif held is not None:
                    yield held
                    held = None
                gop.packets.append(packet)
            self._measure(packet)
            if gop is not None and held is None and _is_full(gop):
                gop.goes_on = True
                yield gop
                gop = Gop(None, continues=True)
        for last in (held, gop):
            if last is not None and last.packets:
                yield last

    def _key(self, packet: Packet, context: CodecContext) -> Sample | None:
        self.keys += 1
        frames = [*_decoded(context, packet), *_decoded(context, None)]
        context.flush_buffers()
        sample = self._sample(frames[0]) if frames else None
        self.broken += not frames or frames[0].is_corrupt
        return sample

    def _sample(self, frame: VideoFrame) -> Sample | None:
        if frame.pts is None or frame.is_corrupt:
            return None
        if frame.width * frame.height > self._max_pixels:
            raise DocumentError(f"pictures of {frame.width} x {frame.height} pixels")
        return Sample(max(0.0, float(frame.pts * self._base) - self._start_s), frame, signature(frame))

    def _measure(self, packet: Packet) -> None:
        if packet.pts is not None:
            self.end_s = max(self.end_s, float((packet.pts + (packet.duration or 0)) * self._base) - self._start_s)


def _decoded(context: CodecContext, packet: Packet | None) -> list[VideoFrame]:
    """The frames that come out; a broken packet gives none."""
    import av

    try:
        return context.decode(packet)  # type: ignore[return-value]
    except (av.FFmpegError, EOFError):
        return []


def _is_before(packet: Packet, key: Packet) -> bool:
    return packet.pts is not None and key.pts is not None and packet.pts < key.pts


def _is_full(gop: Gop) -> bool:
    return len(gop.packets) >= _MAX_PACKETS or (len(gop.packets) % 32 == 0 and sum(p.size for p in gop.packets) > _MAX_BYTES)
