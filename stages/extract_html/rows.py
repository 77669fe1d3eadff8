"""Arrays of features: one row for each block, one column for each feature."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def columns_to_rows(columns: Sequence[Any]) -> Floats:
    """The columns side by side as 32-bit floats: `[[1, 2], [3, 4]]` -> `[[1, 3], [2, 4]]`."""
    rows = np.empty((len(columns[0]), len(columns)), np.float32)
    for n, column in enumerate(columns):
        rows[:, n] = column
    return rows
