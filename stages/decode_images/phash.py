"""The 64-bit perceptual hash of a picture (pHash), in exact integer arithmetic."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

_SIDE, _LOW = 32, 8
_SCALE = 1 << 22
"""Cosines are rounded to this many steps: the largest sum, 32 * 32 * 255 * 2^44, still doubles within 63 bits."""


def _cosines() -> npt.NDArray[np.int64]:
    """The first rows of the DCT-II matrix, [8, 32]: scaled and whole, so that no machine's rounding can turn a bit."""
    angles = np.outer(np.arange(_LOW), 2 * np.arange(_SIDE) + 1) * (np.pi / (2 * _SIDE))
    scaled: npt.NDArray[np.int64] = np.rint(np.cos(angles) * _SCALE).astype(np.int64)
    return scaled


_COSINES = _cosines()


def phash(grey: Image.Image) -> str:
    """16 hex digits for a picture of mode L: which of its 8 x 8 lowest frequencies lie above their median.

    Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions (2010), section 3.2.1, with the sizes, the
    filter and the bit order of the `imagehash` library, whose hashes these are.
    """
    pixels = np.asarray(grey.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS), dtype=np.int64)
    low = (_COSINES @ pixels @ _COSINES.T).ravel()
    ordered = np.sort(low)
    bits = 2 * low > ordered[31] + ordered[32]
    return np.packbits(bits).tobytes().hex()
