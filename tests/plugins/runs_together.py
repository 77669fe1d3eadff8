"""For a pool of two processes: a unit runs in one only when the other is there to run it, too."""

from typing import Any

from interloom.pipeline.execution.run_unit import run_unit

_meeting: Any = None


def meet_here(meeting: Any) -> None:
    """Called in each process of the pool with the barrier at which they meet."""
    global _meeting
    _meeting = meeting


def run_unit_when_both_are_here(run: str, phase: Any, unit: Any) -> Any:
    """Runs the unit in both processes at once."""
    _meeting.wait(60)
    return run_unit(run, phase, unit)
