"""How long the units of one phase run, and which of those in flight run much longer than the others.

A worker says nothing until its unit ends. When a unit began is known all the same, within a little: units begin in the order in
which they are submitted, so one began no later than any that was submitted after it and has ended; and once there are no more
units in flight than fit the cluster, all of them run.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from statistics import median

_REMEMBERED = 1000
"""The median is that of so many units that ended last. Our choice."""


@dataclass(slots=True)
class _InFlight:
    number: int
    submitted: float
    began: float = float("inf")
    told: bool = False


class Pace:
    """The units of one phase that are in flight, and the seconds of work of those that ended. Times are those of one clock."""

    def __init__(self) -> None:
        self._seconds: deque[float] = deque(maxlen=_REMEMBERED)
        self._units: dict[str, _InFlight] = {}
        self._number = 0
        self._all_run_since = float("inf")

    def submitted(self, unit: str, now: float) -> None:
        """A unit was handed to the cluster."""
        self._number += 1
        self._units[unit] = _InFlight(self._number, now)

    def ended(self, unit: str, now: float, seconds: float | None = None) -> None:
        """A unit ended, after so many seconds of work; None if it lost its worker or failed."""
        left = self._units.pop(unit, None)
        if seconds is None or left is None:
            return
        self._seconds.append(seconds)
        for other in self._units.values():
            if other.number > left.number:
                break
            other.began = min(other.began, now - seconds)

    def median(self) -> float:
        """The median of the seconds of work; 0 before a unit ended."""
        return median(self._seconds) if self._seconds else 0.0

    def slow(self, now: float, fit: int, beyond: tuple[float, float]) -> list[tuple[str, float]]:
        """The units that run for more than `beyond`: so many times the median, and so many seconds; with how long they run, and
        each only once. `fit` units run at a time. None before a unit ended."""
        times, least = beyond
        self._all_run_since = min(self._all_run_since, now) if 0 < len(self._units) <= fit else float("inf")
        if not self._seconds:
            return []
        limit, slow = max(times * self.median(), least), []
        for name, unit in self._units.items():
            began = max(unit.submitted, min(unit.began, self._all_run_since))
            if now - began > limit and not unit.told:
                unit.told = True
                slow.append((name, now - began))
        return slow
