"""One phase on Ray: its units in flight, those that lost their worker, those that are slow, and the wait for nodes."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping

from interloom.pipeline.errors import FatalError
from interloom.pipeline.execution import killed
from interloom.pipeline.execution.pace import Pace
from interloom.pipeline.execution.ray_nodes import Wait
from interloom.pipeline.execution.ray_outcomes import Ended
from interloom.pipeline.execution.ray_workers import Workers
from interloom.pipeline.execution.units import Unit
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.planning.worker_needs import Needs
from interloom.pipeline.store import storage
from interloom.pipeline.store.commits import Commit, FailedUnit, read_commit

_SHOWN = 12  # characters of a unit's id that tell it from others


class PhaseOnRay:
    """Units of one phase. `kept` is its wait for nodes and what takes lines for people; `limits` are those of the runner: how
    often a unit may lose its worker by cause, and from when on it is slow."""

    def __init__(
        self,
        run: str,
        phase: Phase,
        workers: Workers,
        kept: tuple[Wait, Callable[[str], None]],
        limits: tuple[Mapping[str, int], tuple[float, float]],
    ) -> None:
        self.workers, self.may_copy = workers, False
        self._run, self._phase = run, phase
        self._wait, self._tell = kept
        self._most_tries, self._slow_beyond = limits
        self._units: dict[str, Unit] = {}
        self._again: deque[Unit] = deque()
        self._tries: Counter[tuple[str, str]] = Counter()
        self._pace = Pace()
        self._slow: set[str] = set()
        self._copied: set[str] = set()

    @property
    def needs(self) -> Needs:
        """What one worker takes."""
        return self._wait.needs

    def submit(self, unit: Unit) -> bool:
        """Takes the unit; False if enough units are in flight."""
        if not self.workers.submit(unit):
            return False
        self._units[unit.id] = unit
        self._pace.submitted(unit.id, time.monotonic())
        return True

    def look_around(self, nodes: int, fit: int) -> Iterator[FailedUnit]:
        """Runs again what was lost, copies what is slow, and starts workers. Yields the units if no node came for them in
        time. `nodes` are up, and `fit` workers of the phase fit them."""
        now = time.monotonic()
        while self._again and self.submit(self._again[0]):
            self._again.popleft()
        if self._units and (line := self._wait.look(now, nodes, fit > 0)):
            self._tell(line)
        if self._wait.is_over(now):
            yield from self._give_up()
        for name, seconds in self._pace.slow(now, fit, self._slow_beyond):
            self._slow.add(name)
            self._tell(f"{self._phase.name}: unit {_shown(self._units[name])} runs for {seconds:.0f} s; {self._usual()}")
        for name in sorted(self._slow - self._copied) if self.may_copy else ():
            if self.workers.copy(self._units[name]):
                self._copied.add(name)
                self._tell(f"{self._phase.name}: a copy of unit {_shown(self._units[name])} runs elsewhere; the first one counts")
        self.workers.keep_busy()

    def _usual(self) -> str:
        return f"the median of the others is {self._pace.median():.1f} s"

    def _give_up(self) -> Iterator[FailedUnit]:
        for unit in {unit.id: unit for unit in [*self.workers.abandon(), *self._again]}.values():
            self._forget(unit)
            yield FailedUnit(unit.id, self._phase.name, self._wait.failure())
        self._again.clear()

    def _forget(self, unit: Unit, seconds: float | None = None) -> None:
        self._pace.ended(unit.id, time.monotonic(), seconds)
        self._units.pop(unit.id, None)
        self._slow.discard(unit.id)
        self._copied.discard(unit.id)

    def enter(self, ended: Ended) -> Commit | FailedUnit | None:
        """What became of a unit; None if it is to be run again, or if a copy of it still runs or has ended before."""
        unit = ended.unit
        if unit.id not in self._units:
            return None
        if unit.id in self._copied:
            self._copied.discard(unit.id)
            if ended.lost or ended.message:
                return None  # the other one goes on
            self._again += [each.unit for each in self.workers.drop(unit)]
        if ended.lost:
            return self._lost(ended)
        if ended.message:
            self._forget(unit)
            return FailedUnit(unit.id, self._phase.name, ended.message)
        commit = self._commit(unit)
        self._forget(unit, commit.seconds)
        return commit

    def _lost(self, ended: Ended) -> FailedUnit | None:
        unit, cause = ended.unit, ended.lost
        self._forget(unit)
        self._tries[unit.id, cause] += 1
        if self._tries[unit.id, cause] < self._most_tries[cause]:
            self._again.append(unit)
            return None
        message = f"lost its worker {self._most_tries[cause]} times ({cause}): {ended.message}"
        given_up = killed.given_up(storage.join(self._run, self._phase.folder, unit.id))
        if given_up:
            message += f"; children were killed from outside while they worked on {', '.join(given_up)}"
        return FailedUnit(unit.id, self._phase.name, message)

    def _commit(self, unit: Unit) -> Commit:
        try:
            return read_commit(self._run, self._phase, unit.id)
        except FileNotFoundError as error:
            raise FatalError(
                f"{error.filename}: a worker has written it, but it is not here; do all machines see {self._run}?"
            ) from error


def _shown(unit: Unit) -> str:
    """The unit for people: the beginning of its id and, of a split, its file."""
    split = getattr(unit, "split", None)
    return f"{unit.id[:_SHOWN]}{f' ({split.name})' if split else ''}"
