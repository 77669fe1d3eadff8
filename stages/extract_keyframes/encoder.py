"""What the encoder x264 writes into a stream about itself: whether it puts a key picture wherever a new shot begins."""

from __future__ import annotations

import re

_OPTIONS = re.compile(rb"x264 - core .{0,2000}? keyint=(\d+) .{0,40}?scenecut=(\d+) ", re.DOTALL)
_SEARCHED = 1 << 13


def regular_interval(first_packet: bytes) -> int:
    """After how many pictures x264 puts a key picture at the latest; a sooner one begins a new shot. 0 where it is not known."""
    found = _OPTIONS.search(first_packet[:_SEARCHED])
    return int(found[1]) if found and int(found[2]) > 0 else 0
