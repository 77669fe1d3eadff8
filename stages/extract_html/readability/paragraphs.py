"""Finds the paragraphs of a page: each `p`, and each `div` that holds phrasing content only (text, images, inline elements)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from interloom.stages.extract_html.arrays import TAG_CODES, PageArrays

_PHRASING_NAMES = """
    abbr audio b bdo br button cite code data datalist dfn em embed i img input kbd label mark math meter noscript object output
    progress q ruby samp script select small span strong sub sup textarea time var wbr
"""
_IS_PHRASING = TAG_CODES.mask(_PHRASING_NAMES.split())
_IS_TRANSPARENT = TAG_CODES.mask(("a", "del", "ins"))  # phrasing content if all their children are
_P = TAG_CODES["p"]
_DIV = TAG_CODES["div"]
IS_PARAGRAPH = -1


def count_paragraphs(arrays: PageArrays, removed: NDArray[np.bool_], has_few_links: NDArray[np.bool_]) -> NDArray[np.int64]:
    """For each node: -1 if it is a paragraph; for another `div`, how many paragraphs Readability would create in it; else 0.

    Readability wraps each run of phrasing content between other children of a `div` in a new `p`: `<div>a <b>b</b><ul/>c</div>`
    -> 2. `has_few_links` says for each node whether its link density is low enough for a paragraph.
    """
    count = len(arrays.tags)
    present = ~removed & (arrays.parents >= 0)
    phrasing, holds_others = _phrasing_content(arrays, present)
    order = np.flatnonzero(present)
    order = order[np.argsort(arrays.parents[order], kind="stable")]
    parents, phrasing_children = arrays.parents[order], phrasing[order]
    run_starts = phrasing_children.copy()
    run_starts[1:] &= ~phrasing_children[:-1] | (parents[1:] != parents[:-1])
    runs = np.bincount(parents[run_starts], minlength=count)
    wrapped = np.maximum(runs, arrays.node_text[-1])
    is_div = arrays.tags == _DIV
    is_paragraph = (arrays.tags == _P) | ((wrapped > 0) & ~holds_others & has_few_links & is_div)
    return np.where(is_paragraph, IS_PARAGRAPH, np.where(is_div, wrapped, 0))


def _phrasing_content(arrays: PageArrays, present: NDArray[np.bool_]) -> tuple[NDArray[Any], NDArray[Any]]:
    """For each node: whether it is phrasing content, and whether it has a child that is not."""
    transparent = _IS_TRANSPARENT[arrays.tags]
    phrasing = _IS_PHRASING[arrays.tags] | transparent
    holds_others = np.zeros(len(phrasing), np.bool_)
    while True:
        holds_others[arrays.parents[present & ~phrasing]] = True
        newly_other = phrasing & transparent & holds_others
        if not newly_other.any():
            return phrasing, holds_others
        phrasing &= ~newly_other
