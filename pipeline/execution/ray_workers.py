"""Workers on Ray for the units of one phase: what tasks (`ray_tasks.py`) and actors (`ray_actors.py`) have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from interloom.pipeline.execution import worker_view
from interloom.pipeline.execution.ray_outcomes import Ended
from interloom.pipeline.execution.units import Unit

Work = Callable[[str, str, str], str | None]
Arguments = tuple[Work, str, str, str]
"""The function that runs a unit, the run's folder, the phase in JSON, and where relative paths begin."""
Most = Callable[[], int]
"""How many may be in flight now: nodes come and go."""


class Workers(Protocol):
    """Takes units and returns them when they ended."""

    def submit(self, unit: Unit) -> bool:
        """Takes the unit; False if enough units are in flight."""
        ...

    def copy(self, unit: Unit) -> bool:
        """Lets another worker run a unit that is in flight, too; False if there is none that could."""
        ...

    def drop(self, unit: Unit) -> list[Ended]:
        """Cancels what is left of a unit, because a copy of it has ended. Returns units that were lost with it."""
        ...

    def abandon(self) -> list[Unit]:
        """Cancels all units and returns them."""
        ...

    def keep_busy(self) -> None:
        """Called before each wait: starts what may start now."""
        ...

    def refs(self) -> list[Any]:
        """What to wait for."""
        ...

    def take(self, ref: Any) -> list[Ended]:
        """The units that ended with this ref. Raises what stops the run."""
        ...

    def close(self) -> None:
        """Cancels what is in flight and releases all workers."""
        ...


def run_there(work: Work, run: str, phase: str, unit: str, home: str) -> str | None:
    """On a worker: runs the unit. Returns None, or why it failed."""
    worker_view.take(home, run)
    return work(run, phase, unit)
