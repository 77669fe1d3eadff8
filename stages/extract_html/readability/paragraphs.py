"""Which boxes are paragraphs: `p`, and each `div` of nothing but text, pictures and what stands in a line with them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from interloom.stages.extract_html.arrays import PAGE_TAGS, PageArrays

_NAMES = """
    abbr audio b bdo br button cite code data datalist dfn em embed i img input kbd label mark math meter noscript object output
    progress q ruby samp script select small span strong sub sup textarea time var wbr
"""
_INLINE = PAGE_TAGS.among(_NAMES.split())
_THROUGH = PAGE_TAGS.among(("a", "del", "ins"))  # inline when all that is in them is
_P, _DIV = PAGE_TAGS["p"], PAGE_TAGS["div"]


def paragraphs_of(arrays: PageArrays, gone: NDArray[np.bool_], is_text: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Of each box: -1 when it is a paragraph, else how many Readability would wrap around the text and pictures that stand in a
    `div` beside other boxes. `is_text` says that little of its text is links."""
    count = len(arrays.tags)
    present = ~gone & (arrays.parents >= 0)
    inline, broken = _inline(arrays, present)
    order = np.flatnonzero(present)
    order = order[np.argsort(arrays.parents[order], kind="stable")]
    around, flows = arrays.parents[order], inline[order]
    starts = flows.copy()
    starts[1:] &= ~flows[:-1] | (around[1:] != around[:-1])
    runs = np.bincount(around[starts], minlength=count)
    wrapped = np.maximum(runs, np.bincount(arrays.box, minlength=count))
    is_paragraph = (arrays.tags == _P) | ((wrapped > 0) & ~broken & is_text & (arrays.tags == _DIV))
    return np.where(is_paragraph, -1, np.where(arrays.tags == _DIV, wrapped, 0))


def _inline(arrays: PageArrays, present: NDArray[np.bool_]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Which boxes are inline, and which hold one that is not."""
    through = _THROUGH[arrays.tags]
    inline = _INLINE[arrays.tags] | through
    broken = np.zeros(len(inline), np.bool_)
    while True:
        broken[arrays.parents[present & ~inline]] = True
        late = inline & through & broken
        if not late.any():
            return inline, broken
        inline &= ~late
