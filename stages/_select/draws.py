"""Draws by hashes: a number from 0 to 1 for each row, the same wherever and in whatever order it is drawn."""

from __future__ import annotations

import numpy as np

from interloom.pipeline.exchange_rows import Ints, Keys
from interloom.stages._dedup.splitmix import hashed
from interloom.stages._select.orders import Floats

_BITS = 53
"""Of a float64: each draw is a multiple of 2**-53, and below 1."""
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""As SplitMix64 has it: the numbers 0, 1, 2 ... become far apart."""


def uniform(draws: Keys) -> Floats:
    """Returns a number from 0 (included) to 1 (excluded) for each draw, in the order of the draws."""
    return np.ldexp((draws >> np.uint64(64 - _BITS)).astype(np.float64), -_BITS)


def drawn_for(draws: Keys, numbers: Ints) -> Keys:
    """Returns another draw of each draw for each number, as independent of it as hashes are."""
    return hashed((draws ^ hashed((numbers.view(np.uint64) * _GOLDEN + _GOLDEN).view(np.int64))).view(np.int64))


def order_of(draws: Keys) -> Ints:
    """Returns the draws as the signed numbers of an exchange's order, in the same order."""
    return (draws ^ np.uint64(1 << 63)).view(np.int64)


def drawn_of(orders: Ints) -> Keys:
    """Returns the draws that have these orders."""
    return orders.view(np.uint64) ^ np.uint64(1 << 63)
