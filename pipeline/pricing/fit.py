"""Cost as a sum of two parts: so much for each piece (a unit, a file, a segment), and so much for each row (a document)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from interloom.pipeline.execution.used import Used

METRICS = ("cpu_s", "gets", "puts", "lists", "read_bytes", "written_bytes")
"""What is extrapolated of `Used`."""
Amounts = dict[str, float]
"""By the names in METRICS."""


@dataclass(frozen=True, slots=True)
class Point:
    """What a unit used, which handled so many pieces and rows."""

    pieces: float
    rows: float
    used: Used


def fitted(points: Sequence[Point], pieces: float, rows: float) -> Amounts:
    """What so many pieces and rows take together."""
    return {name: least_squares([(p.pieces, p.rows, getattr(p.used, name)) for p in points], pieces, rows) for name in METRICS}


def least_squares(points: Sequence[tuple[float, float, float]], pieces: float, rows: float) -> float:
    """What so many pieces and rows come to by points (pieces, rows, value): least squares, in which neither a piece nor a row
    costs less than nothing.

    Example: units of (1 piece, 0 rows) and (1 piece, 10 rows) that took 2 and 7 s; 3 pieces and 100 rows -> 56 s.
    """
    pp, rr, pr = (sum(a * b for a, b in pairs) for pairs in _products(points))
    py, ry = sum(p * y for p, _, y in points), sum(r * y for _, r, y in points)
    determinant = pp * rr - pr * pr
    if determinant > 1e-9 * pp * rr:
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
