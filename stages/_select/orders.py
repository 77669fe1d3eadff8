"""Orders of rows as keys of an exchange: by a number exactly, with ties broken by a hash, or drawn by a hash."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from interloom.pipeline.exchange_rows import Ints, Keys
from interloom.stages._dedup.duplicates import hash64
from interloom.stages._dedup.splitmix import hashed

Floats = npt.NDArray[np.float64]

_MANTISSA_BITS = 52
_BIAS = 1023
"""Both of a float64 (IEEE 754)."""
_REST_BITS = 11
"""So many bits of a number at most do not fit its key."""
_SIGN = np.uint64(1 << 63)


def keys_of_numbers(numbers: Floats, *, highest_first: bool) -> tuple[Keys, Keys]:
    """Returns keys in the order of the numbers, and the rest of each number, in 11 bits: of two numbers with the same key the
    earlier one has the smaller rest, and equal numbers have the same. -0 is 0; no number may be NaN.

    The bits of a float64 would be keys, too; but all numbers from 0.5 to 1 have the same first 12 bits, so they would lie in one
    range of keys. Here exponents have codes of variable length (as in Elias' gamma code), the shorter the nearer they are to 0:
    half of all keys are for numbers from 0.5 to 2 and from -2 to -0.5, and numbers of one exponent are spread evenly over theirs.
    From 2**-31 to 2**31 the rest is 0.
    """
    bits = (numbers + 0.0).view(np.uint64)
    exponents = ((bits >> np.uint64(_MANTISSA_BITS)) & np.uint64(2047)).astype(np.int64)
    mantissas = bits & np.uint64((1 << _MANTISSA_BITS) - 1)
    codes, lengths = _exponent_codes()
    missing = lengths[exponents] - _REST_BITS  # bits of the mantissa that do not fit the key
    down, up = (np.maximum(shift, 0).astype(np.uint64) for shift in (missing, -missing))
    keys = codes[exponents] | (mantissas << up >> down)
    rests = mantissas & ((np.uint64(1) << down) - np.uint64(1))
    is_negative = bits >= _SIGN
    keys = np.where(is_negative, ~(keys | _SIGN), keys | _SIGN)
    turned = is_negative != highest_first
    rests = np.where(turned, np.uint64((1 << _REST_BITS) - 1) - rests, rests)
    return (~keys if highest_first else keys), rests


@functools.cache
def _exponent_codes() -> tuple[Keys, Ints]:
    """Returns for each exponent as it is stored (0 to 2047) its code, from bit 62 of a key downwards, and the code's length.

    The code of exponent e is a bit that says whether e >= 0, and the gamma code of e + 1 or, inverted, of -e: as many ones as it
    has bits after its first one, a zero, these bits. e = 0 -> 10, e = 1 -> 1100, e = 2 -> 1101, e = -1 -> 01.
    """
    codes, lengths = np.empty(2048, np.uint64), np.empty(2048, np.int64)
    for stored in range(2048):
        exponent = stored - _BIAS
        number = exponent + 1 if exponent >= 0 else -exponent
        more = number.bit_length() - 1
        length = 2 * more + 2
        code = (((1 << more) - 1) << (more + 1)) | (number - (1 << more))
        code = code | 1 << (length - 1) if exponent >= 0 else ~code & ((1 << (length - 1)) - 1)
        codes[stored], lengths[stored] = code << (63 - length), length
    return codes, lengths


def orders_of_ties(rests: Keys, draws: Keys) -> Ints:
    """Returns the order of rows with the same key: by the rest of their number, then by their draw (its first 52 bits)."""
    return ((rests << np.uint64(63 - _REST_BITS)) | (draws >> np.uint64(_REST_BITS + 1))).view(np.int64)


def drawn(hashes: Keys, seed: int, what: str) -> Keys:
    """Returns a hash of each hash, for draws: another order for each seed and for each `what`.

    Draws must not agree with each other or with the order of shards: the few documents that a cap leaves of a large domain have
    the least hashes of thousands, and would all lie in the first shards.

    Parameters:
        hashes: 64-bit hashes of what is drawn.
        seed: The seed.
        what: What the draw is for.
    """
    return hashed((hashes ^ np.uint64(hash64(f"draw {seed} {what}"))).view(np.int64))
