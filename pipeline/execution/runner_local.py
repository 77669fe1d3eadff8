"""The reference: every unit in this process, one after the other, phase after phase."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from interloom.pipeline.execution.run_unit import run_unit
from interloom.pipeline.execution.units import Unit
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.store.commits import Commit, FailedUnit


class LocalRunner:
    """Runs units here, in the order in which they were submitted."""

    name = "local"

    def __init__(self) -> None:
        self._queue: deque[tuple[str, Phase, Unit]] = deque()

    def submit(self, run: str, phase: Phase, unit: Unit) -> bool:
        self._queue.append((run, phase, unit))
        return True

    def wait(self) -> Iterator[Commit | FailedUnit]:
        if self._queue:
            yield self.run_unit(*self._queue.popleft())

    def run_unit(self, run: str, phase: Phase, unit: Unit) -> Commit | FailedUnit:
        """Runs one unit."""
        return run_unit(run, phase, unit)

    def end(self, phase: Phase) -> None:
        """Nothing is held for a phase."""

    def close(self) -> None:
        self._queue.clear()
