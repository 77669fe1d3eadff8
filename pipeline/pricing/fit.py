"""Cost as a sum of two parts: so much for each piece (a unit, a file, a segment), and so much for each row (a document)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from interloom.pipeline.execution.used import Used
from interloom.pipeline.planning.phases import PhaseKind

METRICS = ("cpu_s", "gets", "puts", "lists", "read_bytes", "written_bytes")
"""What is extrapolated of `Used`."""
Amounts = dict[str, float]
"""By the names in METRICS."""
_SINGULAR = 1e-9
"""Below this share the determinant of two equations is rounding: they do not tell two numbers."""


_DOCUMENTS_A_PART = 50
"""A part of documents takes as long as so many of them, unless the units show otherwise. Our choice: in our runs it was 38 to
84."""
_DOCUMENTS_A_SEGMENT = 8
"""The same for segments of documents, which have no columns of their own to open. Our choice: in our runs it was 6 to 23."""
_ROWS_A_SEGMENT = 300
"""The same for rows of exchanges. Our choice: in our runs it was 85 to 700."""
_ERROR = 0.1
"""CPU seconds of a unit are taken to be known so well: by about as much those of the same work differ. Our choice."""
_LEAST_SHARE = 0.05
"""Units that took a smaller share of what the longest took are known no better than one that took this share. Our choice."""
_Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Size:
    """How much work it is: how many units, and how many pieces (files, segments) and rows they handle together."""

    units: float
    pieces: float
    rows: float


def usual_rows_a_piece(kind: PhaseKind) -> float:
    """As many rows as a piece usually costs that units of this kind of phase handle; rows may be whole documents."""
    if kind in ("documents", "sketch"):
        return _DOCUMENTS_A_PART
    return _DOCUMENTS_A_SEGMENT if kind in ("scatter", "write") else _ROWS_A_SEGMENT


def cpu_seconds(points: Sequence[tuple[Size, float]], least_s: float, whole: Size, rows_a_piece: float) -> float:
    """CPU seconds of `whole` by single units and what they took, of which any unit takes `least_s`.

    In a small sample each further row is nearly always a further segment, so its units hardly tell what a row takes and what a
    segment. A large run has many more rows, but no more segments than there are ranges. So a piece is taken to cost as much as
    `rows_a_piece` rows, and otherwise only as far as the units show it beyond their errors (shrinkage, James and Stein 1961).
    The errors are those of all that a unit took, also where most of it is what any unit takes.

    Example: units of 1 piece and 1 row, and of 10 and 10, that took 1 and 10 s; 64 pieces and 2000 rows, 200 of which are
    taken to cost as much as a piece -> 73.6 s.
    """
    pieces, rows, seconds = _medians(points, least_s)
    own = whole.units * least_s
    if not seconds.any():
        return own
    errors = _ERROR * np.maximum(least_s + seconds, _LEAST_SHARE * (least_s + seconds.max()))
    a_piece, a_row = _a_piece_and_a_row(pieces / errors, rows / errors, seconds / errors, rows_a_piece)
    return own + a_piece * whole.pieces + a_row * whole.rows


def _medians(points: Sequence[tuple[Size, float]], least_s: float) -> tuple[_Numbers, _Numbers, _Numbers]:
    """Pieces, rows, and seconds beyond the least; those of equal units are one, with the median of their seconds."""
    equal: dict[tuple[float, float], list[float]] = {}
    for size, seconds in points:
        equal.setdefault((size.pieces, size.rows), []).append(seconds)
    sizes = np.array(list(equal), np.float64).reshape(-1, 2)
    middle = np.array([np.median(each) for each in equal.values()], np.float64)
    return sizes[:, 0], sizes[:, 1], np.maximum(middle - least_s, 0.0)


def _a_piece_and_a_row(pieces: _Numbers, rows: _Numbers, seconds: _Numbers, rows_a_piece: float) -> tuple[float, float]:
    """What a piece and a row take, by units whose numbers are divided by the error of their seconds."""
    pp, pr, rr = float(pieces @ pieces), float(pieces @ rows), float(rows @ rows)
    py, ry = float(pieces @ seconds), float(rows @ seconds)
    if not pp:
        return 0.0, ry / rr if rr else 0.0
    together = pieces + rows / rows_a_piece
    a_row = float(together @ seconds) / float(together @ together) / rows_a_piece
    determinant = pp * rr - pr * pr
    if determinant > _SINGULAR * pp * rr:
        more, variance = (ry * pp - py * pr) / determinant - a_row, pp / determinant
        a_row = max(a_row + more * max(1 - variance / more**2, 0.0) if more else a_row, 0.0)
    a_piece = (py - a_row * pr) / pp
    return (a_piece, a_row) if a_piece >= 0 else (0.0, ry / rr)


def least_squares(points: Sequence[tuple[float, float, float]], pieces: float, rows: float) -> float:
    """What so many pieces and rows come to by points (pieces, rows, value): least squares, in which neither a piece nor a row
    costs less than nothing.

    Example: units of (1 piece, 0 rows) and (1 piece, 10 rows) that took 2 and 7 s; 3 pieces and 100 rows -> 56 s.
    """
    pp, rr, pr = (sum(a * b for a, b in pairs) for pairs in _products(points))
    py, ry = sum(p * y for p, _, y in points), sum(r * y for _, r, y in points)
    determinant = pp * rr - pr * pr
    if determinant > _SINGULAR * pp * rr:
        a, b = (py * rr - ry * pr) / determinant, (ry * pp - py * pr) / determinant
        if a >= 0 and b >= 0:
            return a * pieces + b * rows
    alone = [(py / pp * pieces, py * py / pp)] if pp else []
    alone += [(ry / rr * rows, ry * ry / rr)] if rr else []
    return max(alone, key=lambda each: each[1])[0] if alone else 0.0


def _products(points: Sequence[tuple[float, float, float]]) -> tuple[list[tuple[float, float]], ...]:
    ps, rs = [p for p, _, _ in points], [r for _, r, _ in points]
    return list(zip(ps, ps, strict=True)), list(zip(rs, rs, strict=True)), list(zip(ps, rs, strict=True))


def amounts_of(used: Used) -> Amounts:
    """What is extrapolated of it."""
    return {name: float(getattr(used, name)) for name in METRICS}


def scaled(amounts: Mapping[str, float], by: float) -> Amounts:
    """So many times as much."""
    return {name: amounts.get(name, 0.0) * by for name in METRICS}


def added(*amounts: Mapping[str, float]) -> Amounts:
    """The sum of amounts."""
    return {name: sum(each.get(name, 0.0) for each in amounts) for name in METRICS}
