"""How long units run, told from when others ended."""

from __future__ import annotations

from interloom.pipeline.execution.pace import Pace

BEYOND = (5.0, 60.0)
"""Five times the median, and a minute."""


def phase(*units: str) -> Pace:
    pace = Pace()
    for unit in units:
        pace.submitted(unit, 0)
    return pace


def test_a_unit_that_began_before_others_which_ended_is_slow() -> None:
    pace = phase("a", "b", "c", "d", "e")
    pace.ended("b", 20, 20)
    pace.ended("c", 30, 20)  # so a runs since 10 at the latest
    assert pace.slow(100, 2, BEYOND) == []
    assert pace.slow(111, 2, BEYOND) == [("a", 111)]


def test_a_unit_that_may_still_wait_in_the_queue_is_not_slow() -> None:
    pace = phase("a", "b", "c")
    pace.ended("a", 1, 1)
    assert pace.slow(1000, 1, BEYOND) == []


def test_once_all_units_in_flight_fit_the_cluster_they_run() -> None:
    pace = phase("a", "b", "c")
    pace.ended("a", 1, 1)
    assert pace.slow(100, 2, BEYOND) == []
    assert pace.slow(150, 2, BEYOND) == []
    assert pace.slow(161, 2, BEYOND) == [("b", 61), ("c", 61)]


def test_a_minute_is_never_slow_and_neither_is_five_times_the_median() -> None:
    pace = phase("a", "b", "c")
    pace.ended("b", 20, 20)
    assert pace.slow(100, 2, BEYOND) == []
    assert pace.slow(100.5, 2, BEYOND) == [("a", 100.5)]
    quick = phase("a", "b")
    quick.ended("b", 1, 1)
    assert quick.slow(60, 1, BEYOND) == []
    assert quick.slow(61, 1, BEYOND) == [("a", 61)]


def test_a_slow_unit_is_told_once() -> None:
    pace = phase("a", "b")
    pace.ended("b", 1, 1)
    assert [len(pace.slow(100 + n, 1, BEYOND)) for n in range(3)] == [1, 0, 0]


def test_units_that_lost_their_worker_count_neither_for_the_median_nor_for_when_others_began() -> None:
    pace = phase("a", "b")
    pace.ended("b", 1)
    assert (pace.median(), pace.slow(1000, 1, BEYOND)) == (0, [])
