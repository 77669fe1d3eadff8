"""The 64-bit perceptual hash of an image (pHash), in exact integer arithmetic."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

_SIDE = 32
"""Pixels of a side of the image that is transformed: `imagehash`'s size."""
_FREQUENCIES = 8
"""The lowest frequencies a side that enter the hash: `imagehash`'s number."""
_SCALE = 1 << 22
"""Cosines are rounded to this many steps: the largest sum, 32 * 32 * 255 * 2^44, still doubles within 63 bits."""


def _cosines() -> npt.NDArray[np.int64]:
    """The first rows of the DCT-II matrix, (8, 32), scaled to whole numbers, so that no machine's rounding changes a bit."""
    angles = np.outer(np.arange(_FREQUENCIES), 2 * np.arange(_SIDE) + 1) * (np.pi / (2 * _SIDE))
    scaled: npt.NDArray[np.int64] = np.rint(np.cos(angles) * _SCALE).astype(np.int64)
    return scaled


_COSINES = _cosines()


def phash(grey: Image.Image) -> str:
    """The hash of an image of mode L, as 16 hex digits: which of its 8 x 8 lowest frequencies lie above their median.

    An image of a single colour -> "8000000000000000" (only the mean, which is the first frequency, lies above)

    Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions (2010), section 3.2.1, with the sizes, the
    filter and the bit order of the `imagehash` library: both compute the same hashes.
    """
    pixels = np.asarray(grey.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS), dtype=np.int64)
    frequencies = (_COSINES @ pixels @ _COSINES.T).ravel()
    ordered = np.sort(frequencies)
    bits = 2 * frequencies > ordered[31] + ordered[32]
    return np.packbits(bits).tobytes().hex()
