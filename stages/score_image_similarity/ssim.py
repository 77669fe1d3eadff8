"""SSIM, the structural similarity of two grey images (Wang et al. 2004), for many pairs of a few images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Grey = npt.NDArray[np.float64]
"""(height, width), grey levels of 0 to 255."""

WINDOW = 7
"""Pixels of the side of the window in which images are compared, as scikit-image has it."""
_C1 = (0.01 * 255) ** 2
"""Stabilises the luminance term (Wang et al. 2004, section III)."""
_C2 = (0.03 * 255) ** 2
"""Stabilises the contrast term (Wang et al. 2004, section III)."""


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """A grey image, and the mean and the variance of each of its windows."""

    grey: Grey
    mean: Grey
    variance: Grey

    @classmethod
    def of(cls, grey: Grey) -> Measured:
        mean = _window_means(grey)
        return cls(grey, mean, _window_means(grey * grey) - mean * mean)


def ssim(first: Measured, second: Measured) -> float:
    """The mean SSIM over all windows, -1 to 1; 1 for equal images. Both have the same size, at least a window's."""
    product = first.mean * second.mean
    covariance = _window_means(first.grey * second.grey) - product
    numerator = (2 * product + _C1) * (2 * covariance + _C2)
    denominator = (first.mean**2 + second.mean**2 + _C1) * (first.variance + second.variance + _C2)
    return float((numerator / denominator).mean())


def _window_means(values: Grey) -> Grey:
    """The mean of each window that lies inside the image."""
    sums = np.zeros((values.shape[0] + 1, values.shape[1] + 1))
    np.cumsum(np.cumsum(values, axis=0), axis=1, out=sums[1:, 1:])
    corners = sums[WINDOW:, WINDOW:] - sums[:-WINDOW, WINDOW:] - sums[WINDOW:, :-WINDOW] + sums[:-WINDOW, :-WINDOW]
    means: Grey = corners / WINDOW**2
    return means
