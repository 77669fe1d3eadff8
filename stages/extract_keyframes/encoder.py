"""Reads x264's settings out of a stream: whether the encoder puts an I-frame wherever a new shot begins."""

from __future__ import annotations

import re

_OPTIONS = re.compile(rb"x264 - core .{0,2000}? keyint=(\d+) .{0,40}?scenecut=(\d+) ", re.DOTALL)
_SEARCHED_BYTES = 1 << 13
"""x264 writes its settings into the first packet, before the first I-frame's data."""


def max_gop_packets(first_packet: bytes) -> int:
    """x264's `keyint`, the most packets of a group of pictures, if it also ends groups at scene cuts; else 0.

    With scene cut detection on, a group shorter than `keyint` ends because a new shot begins.

    b"x264 - core 164 r3095 - options: keyint=250 keyint_min=25 scenecut=40 intra_refresh=0 " -> 250
    b"x264 - core 164 r3095 - options: keyint=250 keyint_min=25 scenecut=0 intra_refresh=0 " -> 0
    """
    options = _OPTIONS.search(first_packet[:_SEARCHED_BYTES])
    return int(options[1]) if options and int(options[2]) > 0 else 0
