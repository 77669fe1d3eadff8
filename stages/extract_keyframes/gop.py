"""A group of pictures (GOP) of an encoded video, and what the sizes of its packets tell before they are decoded.

A codec spends bytes on change: a frame like the one before it costs a packet of nearly no bytes, a new slide costs a large one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from interloom.stages.extract_keyframes.signature import Signature

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

    VideoPacket = Packet[VideoStream]

_REORDERED = 16
"""Packets between a frame's place in the file and its presentation at most: H.264 and HEVC reorder up to 16 frames."""
_CHANGE_OF_I_FRAME = 0.02
"""A packet of fewer bytes, as a share of the I-frame's, shows no change; our choice."""
_NOTHING_OF_I_FRAME = 0.003
"""A packet of fewer bytes, as a share of the I-frame's, shows not even a mouse that moves; our choice."""
_NOTHING_BYTES = 64
"""So does a packet of fewer bytes, whatever the I-frame has; our choice."""
_EARLY_SHARE = 0.9
"""A group of fewer packets, as a share of the longest one, ends early; our choice."""
_CHANGE_OF_OTHERS = 2.0
"""A packet that may show a change is so many times as large as nine of ten packets in its group; our choice."""

HELD_S = 0.99
"""A frame that is shown for so long is held, as on a recorded screen that is still: it is a picture of its own. A second, less
what times lose in the stream's time base; our choice."""
_SPARSE_S = 0.25
"""Groups whose frames are shown for so long on average are decoded whole, because that costs little; our choice."""
_WINDOW = 12
"""Packets of the sliding window in which `is_moving_shot` takes the largest packet; our choice."""
_MAX_UNEVENNESS = 4.0
"""Factor by which the windows' largest packets may differ from their median in a shot with steady motion; our choice."""
_MOTION_OF_I_FRAME = 0.3
"""A packet of motion has fewer bytes than this share of the I-frames' around it; our choice."""
_HALF_SECOND_TOLERANCE_S = 0.04
"""An I-frame so close to a full half second may have been forced by a segmenter; our choice."""


@dataclass(slots=True)
class Sample:
    """A frame presented at `time_s` seconds, with its signature.

    `frame` is None where only the signature is kept. `gap` says that frames between the last sample and this one were skipped
    because nothing changes in them.
    """

    time_s: float
    frame: VideoFrame | None
    sig: Signature
    gap: bool = False


@dataclass(slots=True)
class Gop:
    """Packets from an I-frame up to the next one, in the order of the file; a long group comes in several pieces.

    `first`: the I-frame decoded; None if it cannot be shown, or if this piece continues a group.
    `tail`: the next group's I-frame packet and the packets after it whose frames are presented before that I-frame.
    `next_first`: the next group's first frame; None at the end of the video and where the group goes on in another piece.
    `is_continuation`: this piece continues a group. `is_continued`: the group goes on in the next piece.
    """

    first: Sample | None
    packets: list[VideoPacket] = field(default_factory=list)
    tail: list[VideoPacket] = field(default_factory=list)
    next_first: Sample | None = None
    is_continuation: bool = False
    is_continued: bool = False

    @property
    def is_sparse(self) -> bool:
        """Whether the group has fewer than four frames a second: each may show something else, whatever its bytes."""
        times = sorted(_times_s(self.packets))
        return len(times) > 1 and times[-1] - times[0] >= _SPARSE_S * (len(times) - 1)

    @property
    def largest_share(self) -> float:
        """Bytes of the largest packet after the I-frame, as a share of the I-frame's."""
        return max((packet.size for packet in self._inner()), default=0) / max(1, self.packets[0].size)

    @property
    def is_static(self) -> bool:
        """Whether no packet after the I-frame is large enough to show a change: what changes, changes at the next I-frame."""
        return bool(self.packets) and not self.is_continuation and self.largest_share < _CHANGE_OF_I_FRAME

    def ends_at_change(self, longest_gop_packets: int) -> bool:
        """Whether what differs in the next group's first frame has changed with that frame, as a slide does.

        A speaker in a corner moves within the group and costs bytes there, and an encoder that begins a group early has seen a
        change.
        """
        nothing_bytes = max(_NOTHING_BYTES, _NOTHING_OF_I_FRAME * self.packets[0].size)
        is_at_rest = all(packet.size < nothing_bytes for packet in self._inner())
        return not self.is_continuation and (is_at_rest or len(self.packets) < _EARLY_SHARE * longest_gop_packets)

    def is_moving_shot(self, max_gop_packets: int) -> bool:
        """Whether the group shows nothing but motion and ends because a new shot begins, before `max_gop_packets` packets.

        A change costs bytes and a still frame costs none, so in steady motion the largest packets of all windows are alike, and
        small beside both I-frames. A next I-frame at a full half second may have been forced by whoever cuts streams into
        segments, so it does not show that a shot begins.
        """
        if self.first is None or self.next_first is None or self.is_continued:
            return False
        if not 2 * _WINDOW < len(self.packets) < max_gop_packets:
            return False
        sizes = np.array([packet.size for packet in self._inner()])
        largest = np.lib.stride_tricks.sliding_window_view(sizes, _WINDOW).max(1)
        median = np.median(largest)
        is_even = largest.max() < _MAX_UNEVENNESS * median and largest.min() * _MAX_UNEVENNESS > median
        half_seconds = 2 * self.next_first.time_s
        is_forced = abs(half_seconds - round(half_seconds)) < 2 * _HALF_SECOND_TOLERANCE_S
        i_frame_bytes = min(self.packets[0].size, self.tail[0].size)
        return bool(is_even and not is_forced and largest.max() < _MOTION_OF_I_FRAME * i_frame_bytes)

    @property
    def change_bytes(self) -> float:
        """The size from which a packet may show a change: above the noise floor and much larger than most of the others."""
        if self.is_sparse:
            return 0.0
        sizes = sorted(packet.size for packet in self._inner())
        ninth_decile = sizes[len(sizes) * 9 // 10] if sizes else 0
        by_i_frame = 0.0 if self.is_continuation else _CHANGE_OF_I_FRAME * self.packets[0].size
        return max(by_i_frame, _CHANGE_OF_OTHERS * ninth_decile)

    @property
    def packets_to_decode(self) -> int:
        """How many packets to decode so that every frame up to the last packet that may show a change comes out."""
        if self.is_continued or self.is_continuation or self.is_sparse:
            return len(self.packets)
        limit = self.change_bytes
        last = max((n for n, packet in enumerate(self._inner()) if packet.size >= limit), default=-1)
        return last + 2 + _REORDERED

    @property
    def single_change(self) -> tuple[int, int] | None:
        """The packets [start, stop) around the only change in a still group; None if there is none or more than one.

        An I-frame of 1000 bytes and 199 packets of 5 bytes each, but 300 bytes for packet 100 -> (84, 117)
        """
        limit = _CHANGE_OF_I_FRAME * self.packets[0].size
        changes = [n for n, packet in enumerate(self._inner(), 1) if packet.size >= limit]
        if self.is_continued or self.is_continuation or not changes or changes[-1] - changes[0] > _REORDERED:
            return None
        stop = changes[-1] + 1 + _REORDERED
        return (max(1, changes[0] - _REORDERED), stop) if stop < len(self.packets) else None

    def _inner(self) -> list[VideoPacket]:
        """The packets without the group's I-frame."""
        return self.packets if self.is_continuation else self.packets[1:]


def held_times(packets: Sequence[VideoPacket]) -> frozenset[int]:
    """The presentation times, in the stream's time base, of the frames that are held."""
    ordered = sorted((packet.pts, float(packet.time_base or 0)) for packet in packets if packet.pts is not None)
    return frozenset(pts for (pts, base), (after, _) in pairwise(ordered) if (after - pts) * base >= HELD_S)


def _times_s(packets: Sequence[VideoPacket]) -> list[float]:
    return [float(packet.pts * packet.time_base) for packet in packets if packet.pts is not None and packet.time_base]
