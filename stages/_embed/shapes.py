"""The lengths to which texts are padded, so that batches come in few shapes, and a row's result depends on its own text alone."""

from __future__ import annotations

_SHORTEST = 8
_LENGTHS_IN_AN_OCTAVE = 4
"""Texts are padded to 8, 16, 24 ... 64, 80, 96, 112, 128, 160 ... tokens: by less than a quarter, in few shapes. Our choice."""


def padded_length(tokens: int, most: int) -> int:
    """The length to which a text of so many tokens is padded, not above `most` unless the text itself is longer.

    7 -> 8, 65 -> 80, 130 -> 160
    """
    step = _SHORTEST
    while step * 2 * _LENGTHS_IN_AN_OCTAVE < tokens:
        step *= 2
    return min(max(1, -(-tokens // step)) * step, max(most, tokens))
