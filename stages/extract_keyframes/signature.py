"""Reduces a video frame to the signature by which frames are compared: 256 x 144 grey values in 32 x 18 blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

WIDTH = 256
"""Pixels of a reduced frame; our choice."""
HEIGHT = 144
_SIDE = 8
"""Pixels of a block's side; SSIM is computed block by block. Our choice."""
_COLUMNS = WIDTH // _SIDE
_ROWS = HEIGHT // _SIDE
BLOCKS = _COLUMNS * _ROWS
"""Blocks of a frame, row by row: 576."""

_C1 = (0.01 * 255) ** 2
"""Stabilises the luminance term of SSIM (Wang et al. 2004, section III)."""
_C2 = (0.03 * 255) ** 2
"""Stabilises the contrast term of SSIM (Wang et al. 2004, section III)."""
_SAME_SSIM = 0.7
"""Blocks with a lower SSIM count as changed; our choice."""
_CODING_NOISE = 1.5
"""Grey levels by which the pixels of a still block differ on average between two frames because of lossy coding; our choice."""

_PLANAR_LUMA = frozenset(
    {
        "yuv420p",
        "yuvj420p",
        "yuv422p",
        "yuvj422p",
        "yuv444p",
        "yuvj444p",
        "yuva420p",
        "nv12",
        "nv21",
        "gray",
        "yuv440p",
        "yuv410p",
    }
)
"""Pixel formats whose first plane holds 8-bit luma, so that nothing needs to be converted."""

Blocks = NDArray[np.bool_]
"""One truth value for each of the BLOCKS blocks of a frame."""


@dataclass(frozen=True, slots=True, eq=False)
class Signature:
    """A frame's grey values by block, with what comparisons need of them.

    `pixels` is float32 of shape (576 blocks, 64 values of 0 to 255); `mean` and `variance` are those of each block. `spread` is
    the standard deviation of all pixels in grey values, near 0 for a black, white or otherwise blank frame.
    """

    pixels: NDArray[np.float32]
    mean: NDArray[np.float32]
    variance: NDArray[np.float32]
    spread: float

    @property
    def sharpness(self) -> float:
        """Variance of the Laplacian (Pech-Pacheco et al. 2000) of the reduced frame; it is low for a blurred frame."""
        grey = self.pixels.reshape(_ROWS, _COLUMNS, _SIDE, _SIDE).swapaxes(1, 2).reshape(HEIGHT, WIDTH)
        inner = grey[1:-1, 1:-1]
        return float((grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * inner).var())


def signature(frame: VideoFrame) -> Signature:
    """The signature of a frame's luma; colour and aspect ratio are ignored."""
    import cv2

    # Nearest neighbour takes 4 source pixels for each reduced pixel: averaging all of them would cost too much, and a still
    # frame gives the same values every time.
    sampled = cv2.resize(_luma(frame), (2 * WIDTH, 2 * HEIGHT), interpolation=cv2.INTER_NEAREST)
    small = cv2.resize(sampled, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return signature_of_grey(small)


def signature_of_grey(small: NDArray[np.uint8]) -> Signature:
    """The signature of (HEIGHT, WIDTH) grey values."""
    blocks = small.reshape(_ROWS, _SIDE, _COLUMNS, _SIDE).swapaxes(1, 2).reshape(BLOCKS, _SIDE * _SIDE)
    pixels = blocks.astype(np.float32)
    mean = np.einsum("ij->i", pixels) / pixels.shape[1]
    square = np.einsum("ij,ij->i", pixels, pixels) / pixels.shape[1]
    spread = float(np.sqrt(max(0.0, float(square.mean()) - float(mean.mean()) ** 2)))
    return Signature(pixels, mean, np.maximum(square - mean * mean, 0), spread)


def changed_blocks(first: Signature, second: Signature) -> Blocks:
    """Which blocks differ between two frames: their SSIM (Wang et al. 2004, equation 13) is below 0.7."""
    product = first.mean * second.mean
    covariance = np.einsum("ij,ij->i", first.pixels, second.pixels) / first.pixels.shape[1] - product
    numerator = (2 * product + _C1) * (2 * covariance + _C2)
    denominator = (first.mean**2 + second.mean**2 + _C1) * (first.variance + second.variance + _C2)
    different: Blocks = numerator < _SAME_SSIM * denominator
    return different


def unsteady_blocks(first: Signature, second: Signature) -> Blocks:
    """Which blocks are not at rest: their pixels differ by more than coding noise on average."""
    unsteady: Blocks = np.einsum("ij->i", np.abs(first.pixels - second.pixels)) > _CODING_NOISE * first.pixels.shape[1]
    return unsteady


def dilated(blocks: Blocks) -> Blocks:
    """These blocks and their eight neighbours (morphological dilation by 3 x 3)."""
    padded = np.zeros((_ROWS + 2, _COLUMNS + 2), np.bool_)
    padded[1:-1, 1:-1] = blocks.reshape(_ROWS, _COLUMNS)
    rows = padded[:-2] | padded[1:-1] | padded[2:]
    wider: Blocks = (rows[:, :-2] | rows[:, 1:-1] | rows[:, 2:]).reshape(-1)
    return wider


def brightness_change(first: Signature, second: Signature) -> float:
    """Mean absolute difference of the block means, in grey values: motion inside a block does not count."""
    return float(np.abs(first.mean - second.mean).mean())


def _luma(frame: VideoFrame) -> NDArray[Any]:
    """The frame's luma plane as (height, width) bytes."""
    if frame.format.name not in _PLANAR_LUMA:
        frame = frame.reformat(format="gray")
    plane = frame.planes[0]
    return np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: frame.height, : frame.width]
