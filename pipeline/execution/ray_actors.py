"""Units on actors of Ray, which keep a model that they load once."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from interloom.pipeline.errors import FatalError
from interloom.pipeline.execution.ray_outcomes import Ended, ended, first_line, translated
from interloom.pipeline.execution.ray_workers import Arguments, Most, Work, run_there
from interloom.pipeline.execution.units import Unit

_IN_FLIGHT = 2  # units of an actor: one runs, one waits, so that a GPU never waits for the driver
_MOST_EARLY_DEATHS = 20


class Actors:
    """Up to `most` actors, started as units come, each with up to two units in flight: one runs, one waits. An actor that dies is
    replaced; the unit that ran is reported as lost with its worker, the one that waited as lost through no fault of its own.
    `may_start` is asked before an actor is started."""

    def __init__(self, arguments: Arguments, options: dict[str, Any], most: Most, may_start: Callable[[], bool]) -> None:
        import ray

        self._actor = ray.remote(_Actor).options(**options, max_restarts=0, max_task_retries=0)
        self._arguments, self._most, self._may_start = arguments, most, may_start
        self._waiting: deque[Unit] = deque()  # taken, but not given to an actor
        self._starting: dict[Any, Any] = {}  # actors by the ref that resolves when they are up
        self._queues: dict[Any, list[Any]] = {}  # refs by actor, the running one first
        self._units: dict[Any, tuple[Unit, Any]] = {}  # unit and actor by ref
        self._early_deaths = 0

    @property
    def count(self) -> int:
        """How many actors there are, with those that are starting."""
        return len(self._queues) + len(self._starting)

    def submit(self, unit: Unit) -> bool:
        if len(self._waiting) + len(self._units) >= _IN_FLIGHT * self._most():
            return False
        self._waiting.append(unit)
        return True

    def keep_busy(self) -> None:
        """Gives waiting units to actors that have room, and starts actors for the rest."""
        for actor in sorted(self._queues, key=lambda actor: len(self._queues[actor])):
            while self._waiting and len(self._queues[actor]) < _IN_FLIGHT:
                self._give(self._waiting.popleft(), actor)
        while len(self._waiting) > len(self._starting) and self.count < self._most():
            if not self._may_start():
                return
            actor = self._actor.remote(*self._arguments)
            self._starting[actor.ready.remote()] = actor

    def _give(self, unit: Unit, actor: Any) -> None:
        ref = actor.run.remote(json.dumps(unit.to_json()))
        self._queues[actor].append(ref)
        self._units[ref] = (unit, actor)

    def copy(self, unit: Unit) -> bool:
        having = {actor for other, actor in self._units.values() if other.id == unit.id}
        others = sorted((actor for actor in self._queues if actor not in having), key=lambda actor: len(self._queues[actor]))
        if having and others:
            self._give(unit, others[0])
        return bool(having and others)

    def drop(self, unit: Unit) -> list[Ended]:
        """An actor that runs the unit ends, because what an actor runs cannot be cancelled; so the unit behind it is lost."""
        import ray

        lost = []
        for ref, actor in [(ref, actor) for ref, (other, actor) in self._units.items() if other.id == unit.id]:
            del self._units[ref]
            if self._queues[actor][0] != ref:
                self._queues[actor].remove(ref)
                ray.cancel(ref)
                continue
            ray.kill(actor)
            lost += [self._units.pop(queued)[0] for queued in self._queues.pop(actor)[1:]]
        return [Ended(each, "node", "its actor was ended before it ran") for each in lost]

    def abandon(self) -> list[Unit]:
        units = {unit.id: unit for unit in [*self._waiting, *(unit for unit, _ in self._units.values())]}
        self.close()
        return list(units.values())

    def refs(self) -> list[Any]:
        return [*self._units, *self._starting]

    def take(self, ref: Any) -> list[Ended]:
        if ref in self._starting:
            self._accept(ref)
            return []
        return self._end(ref) if ref in self._units else []

    def _accept(self, ref: Any) -> None:
        """Lets an actor that is up take units. One that died before is started anew, unless too many did: raises FatalError."""
        import ray
        from ray import exceptions

        actor = self._starting.pop(ref)
        try:
            ray.get(ref)
            self._queues[actor] = []
        except (exceptions.ActorDiedError, exceptions.NodeDiedError, exceptions.ActorUnavailableError) as error:
            self._early_deaths += 1
            if self._early_deaths > _MOST_EARLY_DEATHS:
                raise FatalError(f"actors keep dying before they run a unit: {first_line(error)}") from error
        except exceptions.RayError as error:
            raise translated(error) from error

    def _end(self, ref: Any) -> list[Ended]:
        """Takes a unit that ended off its actor. If the actor died, the unit that ran is the one that was first in its queue."""
        unit, actor = self._units[ref]
        outcome = ended(unit, ref)
        if not outcome.lost:
            self._queues[actor].remove(ref)
            del self._units[ref]
            return [outcome]
        running, *behind = [self._units.pop(queued)[0] for queued in self._queues.pop(actor)]
        return [replace(outcome, unit=running), *(Ended(unit, "node", "its actor died before it ran") for unit in behind)]

    def close(self) -> None:
        import ray

        for actor in [*self._queues, *self._starting.values()]:
            ray.kill(actor)
        self._queues, self._starting, self._units = {}, {}, {}
        self._waiting.clear()


class _Actor:
    """Runs units of one phase in a process that stays, so that a model is loaded once."""

    def __init__(self, work: Work, run: str, phase: str, home: str) -> None:
        self._work, self._run, self._phase, self._home = work, run, phase, home

    def ready(self) -> None:
        """Returns when the actor is up."""

    def run(self, unit: str) -> str | None:
        return run_there(self._work, self._run, self._phase, unit, self._home)
