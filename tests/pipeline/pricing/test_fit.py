"""Costs are so much for each piece and so much for each row."""

from __future__ import annotations

import pytest

from interloom.pipeline.execution.used import Used
from interloom.pipeline.pricing.fit import Amounts, Size, added, amounts_of, cpu_seconds, least_squares, scaled


def test_two_units_tell_the_cost_of_a_piece_and_of_a_row() -> None:
    assert least_squares([(1, 0, 2.0), (1, 10, 7.0)], 3, 100) == pytest.approx(3 * 2 + 100 * 0.5)


def test_units_that_scatter_around_a_line_are_met_in_the_middle() -> None:
    points = [(1, 10, 2.9), (1, 10, 3.1), (1, 100, 11.8), (1, 100, 12.2)]
    assert least_squares(points, 10, 1000) == pytest.approx(10 * 2 + 1000 * 0.1)


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
    assert least_squares(points, 10, 1000) == pytest.approx(expected)


def seconds(points: list[tuple[float, float, float]], pieces: float, rows: float, least_s: float = 0.0) -> float:
    """CPU seconds of two units with so many pieces and rows, if a piece usually costs as much as 100 rows."""
    return cpu_seconds([(Size(1, p, r), y) for p, r, y in points], least_s, Size(2, pieces, rows), 100)


def test_units_with_one_row_in_each_segment_do_not_let_rows_cost_what_segments_do() -> None:
    assert seconds([(1, 1, 1.01), (10, 10, 10.1)], 64, 5000) == pytest.approx(64 + 50)


def test_units_that_clearly_show_what_a_row_takes_are_believed() -> None:
    assert seconds([(1, 100, 2.0), (1, 10_000, 101.0)], 3, 50_000) == pytest.approx(3 + 500, rel=0.05)


def test_a_difference_within_the_errors_of_units_is_none() -> None:
    by_two_equations = 64 * 0.75 + 5000 * 0.25
    assert least_squares([(1, 1, 1.0), (10, 12, 10.5)], 64, 5000) == pytest.approx(by_two_equations)
    assert seconds([(1, 1, 1.0), (10, 12, 10.5)], 64, 5000) == pytest.approx(64 + 50, rel=0.05)


def test_errors_are_those_of_all_that_a_unit_took() -> None:
    points = [(1, 1, 5.1), (10, 12, 5.5)]
    assert seconds(points, 64, 5000, least_s=5.0) == pytest.approx(10 + 0.05 * (64 + 50), rel=0.1)


def test_of_equal_units_one_that_took_long_does_not_count() -> None:
    assert seconds([(1, 0, 1.0), (1, 0, 1.0), (1, 0, 9.0)], 64, 0) == pytest.approx(64)


def test_what_any_unit_takes_is_for_each_unit_and_not_for_its_pieces() -> None:
    assert seconds([(1, 1, 5.0), (10, 10, 5.0)], 64, 5000, least_s=5.0) == 2 * 5.0


@pytest.mark.parametrize(("points", "expected"), [([(0, 10, 1.0)], 500.0), ([(1, 0, 1.0)], 64.0), ([], 0.0)])
def test_units_without_pieces_or_rows_tell_of_the_other(points: list[tuple[float, float, float]], expected: float) -> None:
    assert seconds(points, 64, 0 if points and not points[0][1] else 5000) == pytest.approx(expected)


def test_amounts_are_scaled_and_added() -> None:
    both: Amounts = added(scaled(amounts_of(Used(1.0, gets=2)), 3), {"puts": 1.0})
    assert both == {"cpu_s": 3.0, "gets": 6.0, "puts": 1.0, "lists": 0.0, "read_bytes": 0.0, "written_bytes": 0.0}
