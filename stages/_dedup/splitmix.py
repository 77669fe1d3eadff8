"""Hashes of 64-bit numbers that map them one to one: the finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014)."""

from __future__ import annotations

import numpy as np

from interloom.pipeline.exchange_rows import Ints, Keys

_MULTIPLIERS = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
_SHIFTS = (30, 27)
_LAST_SHIFT = 31


def hashed(nodes: Ints) -> Keys:
    """Returns a hash of each node, different for different nodes."""
    keys = nodes.view(np.uint64)
    for shift, multiplier in zip(_SHIFTS, _MULTIPLIERS, strict=True):
        keys = (keys ^ (keys >> np.uint64(shift))) * np.uint64(multiplier)
    return keys ^ (keys >> np.uint64(_LAST_SHIFT))


def unhashed(keys: Keys) -> Ints:
    """Returns the nodes that have these hashes."""
    keys = _unshifted(keys, _LAST_SHIFT)
    for shift, multiplier in zip(_SHIFTS[::-1], _MULTIPLIERS[::-1], strict=True):
        keys = _unshifted(keys * np.uint64(pow(multiplier, -1, 1 << 64)), shift)
    return keys.view(np.int64)


def _unshifted(keys: Keys, shift: int) -> Keys:
    """Returns the x with x ^ (x >> shift) = key."""
    x = keys
    for _ in range(64 // shift):
        x = keys ^ (x >> np.uint64(shift))
    return x
