"""Arrays of features: one row for each feature, one column for each block, so that a feature of all blocks is in one piece."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def stacked(features: Sequence[Any], blocks: int) -> Floats:
    """The features as the rows of an array of 32-bit floats; a number holds for all blocks: `[[1, 2], 5]` ->
    `[[1, 2], [5, 5]]`."""
    rows = np.empty((len(features), blocks), np.float32)
    for n, feature in enumerate(features):
        rows[n] = feature
    return rows
