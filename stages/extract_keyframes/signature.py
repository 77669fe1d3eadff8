"""A video frame reduced to what the search for changes compares: 256 x 144 grey values in 32 x 18 blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

WIDTH, HEIGHT, _SIDE = 256, 144, 8
BLOCKS = (WIDTH // _SIDE) * (HEIGHT // _SIDE)
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2  # the constants of SSIM (Wang et al. 2004, section III)
_SAME_SSIM, _NOISE = 0.7, 1.5
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

Blocks = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Signature:
    """`pixels` is float32 (576 blocks, 64 values of 0 to 255); `mean` and `variance` are those of each block; `spread` is the
    standard deviation of the whole picture in grey values, near 0 for a black, white or otherwise empty one."""

    pixels: NDArray[np.float32]
    mean: NDArray[np.float32]
    variance: NDArray[np.float32]
    spread: float

    @property
    def sharpness(self) -> float:
        """Variance of the Laplacian (Pech-Pacheco et al. 2000) of the reduced picture."""
        grey = self.pixels.reshape(HEIGHT // _SIDE, WIDTH // _SIDE, _SIDE, _SIDE).swapaxes(1, 2).reshape(HEIGHT, WIDTH)
        inner = grey[1:-1, 1:-1]
        return float((grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * inner).var())


def signature(frame: VideoFrame) -> Signature:
    """Blocks of luma; colours and aspect are left out."""
    import cv2

    # Four pixels of each cell stand for it: a still picture gives the same values every time, and all others cost too much.
    some = cv2.resize(_luma(frame), (2 * WIDTH, 2 * HEIGHT), interpolation=cv2.INTER_NEAREST)
    small = cv2.resize(some, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return of_grey(small)


def of_grey(small: NDArray[np.uint8]) -> Signature:
    """The signature of HEIGHT x WIDTH grey values."""
    blocks = small.reshape(HEIGHT // _SIDE, _SIDE, WIDTH // _SIDE, _SIDE).swapaxes(1, 2).reshape(BLOCKS, _SIDE * _SIDE)
    pixels = blocks.astype(np.float32)
    mean = np.einsum("ij->i", pixels) / pixels.shape[1]
    square = np.einsum("ij,ij->i", pixels, pixels) / pixels.shape[1]
    spread = float(np.sqrt(max(0.0, float(square.mean()) - float(mean.mean()) ** 2)))
    return Signature(pixels, mean, np.maximum(square - mean * mean, 0), spread)


def changed(one: Signature, two: Signature) -> Blocks:
    """Which blocks differ: their SSIM (Wang et al. 2004, equation 13) is below 0.7."""
    product = one.mean * two.mean
    covariance = np.einsum("ij,ij->i", one.pixels, two.pixels) / one.pixels.shape[1] - product
    above = (2 * product + _C1) * (2 * covariance + _C2)
    below = (one.mean**2 + two.mean**2 + _C1) * (one.variance + two.variance + _C2)
    different: Blocks = above < _SAME_SSIM * below
    return different


def stirred(one: Signature, two: Signature) -> Blocks:
    """Which blocks are not at rest: their pixels differ by more than coding noise, on average."""
    restless: Blocks = np.einsum("ij->i", np.abs(one.pixels - two.pixels)) > _NOISE * one.pixels.shape[1]
    return restless


def grown(blocks: Blocks) -> Blocks:
    """These blocks and their neighbours on all sides."""
    padded = np.zeros((HEIGHT // _SIDE + 2, WIDTH // _SIDE + 2), np.bool_)
    padded[1:-1, 1:-1] = blocks.reshape(HEIGHT // _SIDE, WIDTH // _SIDE)
    rows = padded[:-2] | padded[1:-1] | padded[2:]
    wider: Blocks = (rows[:, :-2] | rows[:, 1:-1] | rows[:, 2:]).reshape(-1)
    return wider


def jump(one: Signature, two: Signature) -> float:
    """Mean absolute difference of the block means, in grey values: motion inside a block does not count."""
    return float(np.abs(one.mean - two.mean).mean())


def _luma(frame: VideoFrame) -> NDArray[Any]:
    if frame.format.name not in _PLANAR_LUMA:
        frame = frame.reformat(format="gray")
    plane = frame.planes[0]
    return np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: frame.height, : frame.width]
