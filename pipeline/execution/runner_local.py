"""The reference: every unit in this process, one after the other, phase after phase."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from interloom.pipeline.errors import KilledError
from interloom.pipeline.execution.run_unit import commit_unit, do_unit
from interloom.pipeline.execution.units import Unit
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.store.commits import Commit, FailedUnit

_COMMITS_AT_ONCE = 32
"""So many commits may be on their way to the disk or the object store while the next unit runs. Our choice: disks and stores
take some at a time as fast as one."""


class LocalRunner:
    """Runs units here, in the order in which they were submitted. Their commits are written meanwhile, by threads; what became of
    a unit is told in the same order, once its commit is stored."""

    name = "local"

    def __init__(self) -> None:
        self._queue: deque[tuple[str, Phase, Unit]] = deque()
        self._ending: deque[Future[Commit | FailedUnit]] = deque()
        self._writers = ThreadPoolExecutor(_COMMITS_AT_ONCE, "commit")

    def submit(self, run: str, phase: Phase, unit: Unit) -> bool:
        self._queue.append((run, phase, unit))
        return True

    def wait(self) -> Iterator[Commit | FailedUnit]:
        while self._queue and len(self._ending) < _COMMITS_AT_ONCE and not (self._ending and self._ending[0].done()):
            self._ending.append(self.run_unit(*self._queue.popleft()))
        if self._ending:
            yield self._ending.popleft().result()

    def run_unit(self, run: str, phase: Phase, unit: Unit) -> Future[Commit | FailedUnit]:
        """Runs one unit. Returns what becomes of it, known once its commit is stored."""
        return self._writers.submit(_end_unit, run, phase, _do_unit(run, phase, unit))

    def half_done(self, phase: Phase) -> None:
        """No unit can be run elsewhere."""

    def notes(self) -> Iterator[tuple[str, str]]:
        yield from ()

    def end(self, phase: Phase) -> None:
        """Nothing is held for a phase."""

    def close(self) -> None:
        """Waits for commits that are being written."""
        self._queue.clear()
        self._writers.shutdown()


def _do_unit(run: str, phase: Phase, unit: Unit) -> Commit | FailedUnit:
    """As `do_unit`. Only the next run is another worker: a unit that another worker should try fails in this run."""
    try:
        return do_unit(run, phase, unit)
    except KilledError as error:
        return FailedUnit(unit.id, phase.name, f"{error}; the same command tries again")


def _end_unit(run: str, phase: Phase, done: Commit | FailedUnit) -> Commit | FailedUnit:
    return commit_unit(run, phase, done) if isinstance(done, Commit) else done
