"""Looks values up in a small shared result that many tables are compared with."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from interloom.pipeline.exchange_rows import Ints, Keys
from interloom.pipeline.store.merging import column

_latest: dict[tuple[str, str], tuple[pa.Table, Any, Any]] = {}
"""By names of columns the table that was asked last, its sorted keys and its values: a unit asks it for each table that it sends,
and sorting a million keys takes longer than sending a table."""


def values_at(shared: pa.Table, key: str, value: str, wanted: Ints | Keys) -> Any:
    """Returns the value of each wanted key, which must all be there.

    Parameters:
        shared: Rows with different keys, in any order.
        key: The column of the keys.
        value: The column of the values.
        wanted: The keys.
    """
    if not len(wanted):
        return np.empty(0, np.int64)
    held = _latest.get((key, value))
    if held is None or held[0] is not shared:
        keys = column(shared, key)
        order = np.argsort(keys)
        held = shared, keys[order], column(shared, value)[order]
        _latest[key, value] = held
    return held[2][np.searchsorted(held[1], wanted)]
