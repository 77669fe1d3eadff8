"""Reads a video as groups of pictures and decodes only the I-frames, until a caller asks for the frames between them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from typing import TYPE_CHECKING

from interloom.pipeline.errors import DocumentError
from interloom.stages._video.container import first_video_stream, open_container
from interloom.stages.extract_keyframes.encoder import max_gop_packets
from interloom.stages.extract_keyframes.gop import Gop, Sample, held_times
from interloom.stages.extract_keyframes.signature import signature

if TYPE_CHECKING:
    from av.video.codeccontext import VideoCodecContext
    from av.video.frame import VideoFrame

    from interloom.stages.extract_keyframes.gop import VideoPacket

_MAX_PACKETS = 900
"""A group of more packets (screen recordings may have a single I-frame) comes in pieces, to bound memory; our choice."""
_MAX_BYTES = 48 << 20
"""The same for a group of more bytes; our choice."""
_CHECK_BYTES_EVERY = 32
"""Packets between two checks of a group's bytes, because adding them up at every packet costs too much."""
_ALL_FRAMES_AROUND = 8
"""All frames of so many packets around a large packet are decoded: frames presented before it may follow it in the file."""
_SAMPLE_EVERY_S = 0.065
"""Seconds between samples elsewhere, about 15 a second; our choice."""


class GopReader:
    """Reads the video stream of a local file once, front to back, as groups of pictures.

    path: The local video file.
    max_pixels: Larger frames raise DocumentError, as does a file without a video stream.

    `end_s`, `i_frames` and `broken_i_frames` grow while it is read. `pixel_aspect` is the width of a pixel over its height.
    `max_gop_packets` is x264's longest group if shorter ones end at scene cuts, else 0; `longest_gop_packets` the longest
    one so far.
    """

    def __init__(self, path: str, max_pixels: int) -> None:
        self._path = path
        self._max_pixels = max_pixels
        self.end_s = 0.0
        self.i_frames = 0
        self.broken_i_frames = 0
        self.pixel_aspect = 1.0
        self.max_gop_packets = 0
        self.longest_gop_packets = 0
        self._start_s = 0.0
        self._time_base = Fraction(1, 1000)
        self._sampled_s = -1.0
        self._all_frames_left = 0
        self._second_decoder: VideoCodecContext | None = None

    def __iter__(self) -> Iterator[Gop]:
        import cv2

        cv2.setNumThreads(1)  # sharing the work on frames this small costs more than it saves
        with open_container(self._path) as container, open_container(self._path) as second:
            stream, second_stream = first_video_stream(container), first_video_stream(second)
            if stream is None or second_stream is None:
                raise DocumentError("no video stream")
            self._check_size(stream.codec_context.width, stream.codec_context.height)
            for context in (stream.codec_context, second_stream.codec_context):
                context.thread_count = 1
            self._second_decoder = second_stream.codec_context
            self._time_base = stream.time_base or Fraction(1, 1000)
            self.pixel_aspect = float(stream.sample_aspect_ratio or 1) or 1.0
            self._start_s = (container.start_time or 0) / 1e6
            yield from self._gops(_with_timestamps(container.demux(stream)), stream.codec_context)

    def frames(self, packets: list[VideoPacket], change_bytes: float, *, last: bool, fresh: bool = False) -> Iterator[Sample]:
        """Decodes packets to about 15 samples a second, and to every frame near a large packet or a held frame and at the end.

        packets: They follow the packets of the last call, unless `fresh`.
        change_bytes: Packets of at least so many bytes are large ones.
        last: Also yields the frames that the decoder still holds after the last packet.
        fresh: Starts the decoder anew at these packets.
        """
        decoder = self._second_decoder
        assert decoder is not None
        if fresh:
            decoder.flush_buffers()
            self._sampled_s, self._all_frames_left = -1.0, 0
        held = held_times(packets)
        for left, packet in zip(range(len(packets), -1, -1), [*packets, None] if last else packets, strict=False):
            is_large = packet is not None and (packet.size >= change_bytes or packet.pts in held)
            is_near = left <= _ALL_FRAMES_AROUND or is_large
            self._all_frames_left = _ALL_FRAMES_AROUND if is_near else max(0, self._all_frames_left - 1)
            decoder.skip_frame = "DEFAULT" if self._all_frames_left else "NONREF"
            for frame in _decoded(decoder, packet):
                if self._all_frames_left or self._time_s(frame) - self._sampled_s >= _SAMPLE_EVERY_S:
                    yield from self._samples(frame)

    def _gops(self, packets: Iterator[VideoPacket], decoder: VideoCodecContext) -> Iterator[Gop]:
        """Yields a group once the next group's first frame and the packets presented before that frame are known."""
        gop: Gop | None = None
        complete: Gop | None = None
        for packet in packets:
            self._extend_end(packet)
            if gop is None:
                self.max_gop_packets = max_gop_packets(bytes(packet))
            if packet.is_keyframe:
                yield from _unless_empty(complete)
                self.longest_gop_packets = max(self.longest_gop_packets, len(gop.packets) if gop else 0)
                complete, gop = gop, Gop(self._decoded_i_frame(packet, decoder), [packet])
                if complete is not None:
                    complete.next_first, complete.tail = gop.first, [packet]
            elif gop is not None:
                if complete is not None and _is_presented_before(packet, gop.packets[0]):
                    complete.tail.append(packet)
                else:
                    yield from _unless_empty(complete)
                    complete = None
                gop.packets.append(packet)
                if complete is None and _is_full(gop):
                    gop.is_continued = True
                    yield gop
                    gop = Gop(None, is_continuation=True)
        yield from _unless_empty(complete)
        yield from _unless_empty(gop)

    def _decoded_i_frame(self, packet: VideoPacket, decoder: VideoCodecContext) -> Sample | None:
        """The I-frame of a group's first packet; None if it is broken or an edit list hides it."""
        if packet.is_discard:  # an edit list hides it: it only serves to decode what follows
            return None
        self.i_frames += 1
        frames = [*_decoded(decoder, packet), *_decoded(decoder, None)]
        decoder.flush_buffers()
        self.broken_i_frames += not frames or frames[0].is_corrupt
        return next(self._samples(frames[0]), None) if frames else None

    def _samples(self, frame: VideoFrame) -> Iterator[Sample]:
        """Yields the frame as a sample, or nothing if the frame is corrupt or has no presentation time."""
        self._check_size(frame.width, frame.height)
        if frame.pts is not None and not frame.is_corrupt:
            self._sampled_s = self._time_s(frame)
            yield Sample(self._sampled_s, frame, signature(frame))

    def _check_size(self, width: int, height: int) -> None:
        if width * height > self._max_pixels:
            raise DocumentError(f"frames of {width} x {height} pixels are too large")

    def _time_s(self, frame: VideoFrame) -> float:
        return max(0.0, float((frame.pts or 0) * self._time_base) - self._start_s)

    def _extend_end(self, packet: VideoPacket) -> None:
        if packet.pts is not None:
            self.end_s = max(self.end_s, float((packet.pts + (packet.duration or 0)) * self._time_base) - self._start_s)


def _with_timestamps(packets: Iterator[VideoPacket]) -> Iterator[VideoPacket]:
    """Drops the empty packets that only flush a decoder, and ends without an error where the file breaks off."""
    import av

    with suppress(av.FFmpegError):
        yield from (packet for packet in packets if packet.pts is not None or packet.dts is not None)


def _unless_empty(gop: Gop | None) -> Iterator[Gop]:
    if gop is not None and gop.packets:
        yield gop


def _decoded(decoder: VideoCodecContext, packet: VideoPacket | None) -> list[VideoFrame]:
    """The frames that the decoder returns for a packet (None: those it still holds); a broken packet gives none."""
    import av

    try:
        return decoder.decode(packet)
    except (av.FFmpegError, EOFError):
        return []


def _is_presented_before(packet: VideoPacket, i_frame: VideoPacket) -> bool:
    return packet.pts is not None and i_frame.pts is not None and packet.pts < i_frame.pts


def _is_full(gop: Gop) -> bool:
    """Whether a group is so long that it must go on in another piece."""
    if len(gop.packets) >= _MAX_PACKETS:
        return True
    return len(gop.packets) % _CHECK_BYTES_EVERY == 0 and sum(packet.size for packet in gop.packets) > _MAX_BYTES
