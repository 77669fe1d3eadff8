"""Costs are so much for each piece and so much for each row."""

from __future__ import annotations

import pytest

from interloom.pipeline.execution.used import Used
from interloom.pipeline.pricing.fit import Amounts, Point, added, amounts_of, fitted, scaled


def cost(points: list[tuple[float, float, float]], pieces: float, rows: float) -> float:
    return fitted([Point(p, r, Used(cpu_s=y)) for p, r, y in points], pieces, rows)["cpu_s"]


def test_two_units_tell_the_cost_of_a_piece_and_of_a_row() -> None:
    assert cost([(1, 0, 2.0), (1, 10, 7.0)], 3, 100) == pytest.approx(3 * 2 + 100 * 0.5)


def test_units_that_scatter_around_a_line_are_met_in_the_middle() -> None:
    points = [(1, 10, 2.9), (1, 10, 3.1), (1, 100, 11.8), (1, 100, 12.2)]
    assert cost(points, 10, 1000) == pytest.approx(10 * 2 + 1000 * 0.1)


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([(1, 10, 1.0), (1, 100, 30.0)], 1000 * (10 * 1 + 100 * 30) / (10**2 + 100**2)),  # a piece would cost less than nothing
        ([(1, 10, 5.0), (1, 100, 3.0)], 10 * 4.0),  # a row would
        ([(1, 100, 3.0)], 1000 * 0.03),  # one unit does not tell them apart: all is for its rows
        ([(1, 0, 3.0)], 10 * 3.0),
        ([], 0.0),
    ],
)
def test_neither_a_piece_nor_a_row_costs_less_than_nothing(points: list[tuple[float, float, float]], expected: float) -> None:
    assert cost(points, 10, 1000) == pytest.approx(expected)


def test_each_metric_is_fitted_by_itself() -> None:
    points = [Point(1, 10, Used(gets=5, read_bytes=1000)), Point(1, 20, Used(gets=5, read_bytes=2000))]
    found = fitted(points, 4, 100)
    assert (found["gets"], found["read_bytes"]) == (pytest.approx(20), pytest.approx(10_000))


def test_amounts_are_scaled_and_added() -> None:
    both: Amounts = added(scaled(amounts_of(Used(1.0, gets=2)), 3), {"puts": 1.0})
    assert both == {"cpu_s": 3.0, "gets": 6.0, "puts": 1.0, "lists": 0.0, "read_bytes": 0.0, "written_bytes": 0.0}
