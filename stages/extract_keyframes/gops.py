"""A video as groups of packets that begin with a key picture. Only the key pictures are decoded, until a group is looked into."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from interloom.pipeline.errors import DocumentError
from interloom.stages._video.container import open_container, picture_stream
from interloom.stages.extract_keyframes.encoder import regular_interval
from interloom.stages.extract_keyframes.signature import Signature, signature

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.codeccontext import VideoCodecContext
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

    VideoPacket = Packet[VideoStream]

_MAX_PACKETS, _MAX_BYTES = 900, 48 << 20
"""A group longer than this (screen recordings with one key picture) is handed out in pieces."""
_REORDERED = 16  # H.264 and HEVC show no picture later than 16 after they were given it
_SPIKE_OF_KEY, _SPIKE_OF_REST = 0.02, 2.0
_AROUND_SPIKE = 8  # the pictures shown before a reference picture follow it in the file
_SAMPLE_EVERY_S = 0.065
_STRETCH, _MOST_UNEVEN, _FLOW_OF_KEY, _NEAR_S = 12, 4.0, 0.3, 0.04


@dataclass(slots=True)
class Sample:
    """A frame at `time_s`, None where only its signature is kept. `gap`: frames before it were left out, as nothing happened
    in them."""

    time_s: float
    frame: VideoFrame | None
    sig: Signature
    gap: bool = False


@dataclass(slots=True)
class Gop:
    """Packets from a key picture up to the next. `first` is None where the key picture cannot be shown, or in a piece that
    continues a group; `after` is the next group's first frame, None at the end and before a continuing piece."""

    first: Sample | None
    packets: list[VideoPacket] = field(default_factory=list)
    tail: list[VideoPacket] = field(default_factory=list)
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

    def flows(self, regular: int) -> bool:
        """Nothing but motion up to the next group, which begins because a new shot does, sooner than after `regular` pictures.

        A change of what is shown costs bytes and what stands still costs none, so that all stretches of packets are alike and
        small beside both key pictures. One at a full half second may have been asked for by whoever cuts streams into segments.
        """
        if self.first is None or self.after is None or self.goes_on or not 2 * _STRETCH < len(self.packets) < regular:
            return False
        sizes = np.array([p.size for p in self._inner()])
        most = np.lib.stride_tricks.sliding_window_view(sizes, _STRETCH).max(1)
        is_even = most.max() < _MOST_UNEVEN * np.median(most) and most.min() * _MOST_UNEVEN > np.median(most)
        is_asked_for = abs(2 * self.after.time_s - round(2 * self.after.time_s)) < 2 * _NEAR_S
        return bool(is_even and not is_asked_for and most.max() < _FLOW_OF_KEY * min(self.packets[0].size, self.tail[0].size))

    @property
    def spike(self) -> float:
        """A packet of so many bytes may hold a change: much more than a trace of a picture, and than most of the others."""
        sizes = sorted(p.size for p in self._inner())
        return max(
            _SPIKE_OF_KEY * self.packets[0].size * (not self.continues), _SPIKE_OF_REST * (sizes or [0])[len(sizes) * 9 // 10]
        )

    @property
    def last_spike(self) -> int:
        """How many packets to decode until after the last one that may hold a change."""
        limit = self.spike
        last = max((n for n, p in enumerate(self._inner()) if p.size >= limit), default=-1)
        return len(self.packets) if self.goes_on or self.continues else last + 2 + _REORDERED

    @property
    def leap(self) -> tuple[int, int] | None:
        """The packets [start, stop) around the one moment at which something changes in a picture that else stands still."""
        limit, inner = _SPIKE_OF_KEY * self.packets[0].size, self._inner()
        spikes = [n for n, p in enumerate(inner, 1) if p.size >= limit]
        if self.goes_on or self.continues or not spikes or spikes[-1] - spikes[0] > _REORDERED:
            return None
        stop = spikes[-1] + 1 + _REORDERED
        return (max(1, spikes[0] - _REORDERED), stop) if stop < len(self.packets) else None

    def _inner(self) -> list[VideoPacket]:
        return self.packets if self.continues else self.packets[1:]


class GopReader:
    """Reads the picture stream of a local file once, front to back. `end_s` and the numbers of key pictures grow
    as it is read; `aspect` is the width of a pixel over its height, `regular` the longest group, if sooner ones tell of shots."""

    def __init__(self, path: str, max_pixels: int) -> None:
        self._path, self._max_pixels = path, max_pixels
        self.end_s, self.keys, self.broken, self.aspect, self._start_s = 0.0, 0, 0, 1.0, 0.0
        self._base = Fraction(1, 1000)
        self._sampled_s, self._near, self.regular = -1.0, 0, 0
        self._looker: VideoCodecContext | None = None

    def __iter__(self) -> Iterator[Gop]:
        import cv2

        cv2.setNumThreads(1)  # pictures this small only lose by sharing the work
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
            self.aspect = float(stream.sample_aspect_ratio or 1) or 1.0
            self._start_s = (container.start_time or 0) / 1e6
            yield from self._gops(_timed(container.demux(stream)), stream.codec_context)

    def frames(self, packets: list[VideoPacket], spike: float, *, last: bool, fresh: bool = False) -> Iterator[Sample]:
        """About 15 frames a second, and all of them around packets of `spike` bytes and at the end.

        The packets follow the ones given before unless `fresh`; `last` gets out all that is left.
        """
        assert self._looker is not None
        if fresh:
            self._looker.flush_buffers()
            self._sampled_s, self._near = -1.0, 0
        for left, packet in zip(range(len(packets), -1, -1), [*packets, None] if last else packets, strict=False):
            is_near = left <= _AROUND_SPIKE or (packet is not None and packet.size >= spike)
            self._near = _AROUND_SPIKE if is_near else max(0, self._near - 1)
            self._looker.skip_frame = "DEFAULT" if self._near else "NONREF"
            for frame in _decoded(self._looker, packet):
                if self._near or self._time(frame) - self._sampled_s >= _SAMPLE_EVERY_S:
                    yield from self._sample(frame)

    def _gops(self, packets: Iterator[VideoPacket], context: VideoCodecContext) -> Iterator[Gop]:
        """A group is handed out when the next one has shown its first frame and the packets shown before that frame."""
        gop: Gop | None = None
        held: Gop | None = None
        for packet in packets:
            self._measure(packet)
            if gop is None:
                self.regular = regular_interval(bytes(packet))
            if packet.is_keyframe:
                yield from _present(held)
                held, gop = gop, Gop(self._key(packet, context), [packet])
                if held is not None:
                    held.after, held.tail = gop.first, [packet]
            elif gop is not None:
                if held is not None and _is_before(packet, gop.packets[0]):
                    held.tail.append(packet)
                else:
                    yield from _present(held)
                    held = None
                gop.packets.append(packet)
                if held is None and _is_full(gop):
                    gop.goes_on = True
                    yield gop
                    gop = Gop(None, continues=True)
        yield from _present(held)
        yield from _present(gop)

    def _key(self, packet: VideoPacket, context: VideoCodecContext) -> Sample | None:
        if packet.is_discard:  # hidden by an edit list, it only serves to decode what follows
            return None
        self.keys += 1
        frames = [*_decoded(context, packet), *_decoded(context, None)]
        context.flush_buffers()
        self.broken += not frames or frames[0].is_corrupt
        return next(self._sample(frames[0]), None) if frames else None

    def _sample(self, frame: VideoFrame) -> Iterator[Sample]:
        """The frame as a sample; none of a broken one."""
        if frame.width * frame.height > self._max_pixels:
            raise DocumentError(f"pictures of {frame.width} x {frame.height} pixels")
        if frame.pts is not None and not frame.is_corrupt:
            self._sampled_s = self._time(frame)
            yield Sample(self._sampled_s, frame, signature(frame))

    def _time(self, frame: VideoFrame) -> float:
        return max(0.0, float((frame.pts or 0) * self._base) - self._start_s)

    def _measure(self, packet: VideoPacket) -> None:
        if packet.pts is not None:
            self.end_s = max(self.end_s, float((packet.pts + (packet.duration or 0)) * self._base) - self._start_s)


def _timed(packets: Iterator[VideoPacket]) -> Iterator[VideoPacket]:
    """Without those that only flush, and quietly up to where the file breaks off."""
    import av

    with suppress(av.FFmpegError):
        yield from (packet for packet in packets if packet.pts is not None or packet.dts is not None)


def _present(gop: Gop | None) -> Iterator[Gop]:
    if gop is not None and gop.packets:
        yield gop


def _decoded(context: VideoCodecContext, packet: VideoPacket | None) -> list[VideoFrame]:
    """The frames that come out; a broken packet gives none."""
    import av

    try:
        return context.decode(packet)
    except (av.FFmpegError, EOFError):
        return []


def _is_before(packet: VideoPacket, key: VideoPacket) -> bool:
    return packet.pts is not None and key.pts is not None and packet.pts < key.pts


def _is_full(gop: Gop) -> bool:
    return len(gop.packets) >= _MAX_PACKETS or (len(gop.packets) % 32 == 0 and sum(p.size for p in gop.packets) > _MAX_BYTES)
