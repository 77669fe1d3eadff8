"""The shapes of batches of texts: few, and such that a row's result depends on its own text alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Batch:
    """Texts of one padded length, by number. It is filled up to `most` rows."""

    rows: Sequence[int]
    length: int
    most: int


def batches(tokens: Sequence[int], context: int, of_batch: int) -> Iterator[Batch]:
    """Puts texts of the same padded length together, the shortest first.

    Parameters:
        tokens: How many tokens each text has.
        context: The most tokens that the model takes.
        of_batch: Tokens of a batch, about.
    """
    lengths = [padded_length(count, context) for count in tokens]
    order = sorted(range(len(lengths)), key=lambda n: lengths[n])
    begin = 0
    while begin < len(order):
        length = lengths[order[begin]]
        most = max(1, of_batch // length)
        rows = [n for n in order[begin : begin + most] if lengths[n] == length]
        yield Batch(rows, length, most)
        begin += len(rows)
