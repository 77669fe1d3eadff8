"""Workers on Ray for the units of one phase: tasks, or actors that keep their model. Retries are decided by the runner."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from interloom.pipeline.errors import ConfigError, FatalError
from interloom.pipeline.execution import worker_view
from interloom.pipeline.execution.units import Unit

Loss = Literal["", "worker", "memory", "node"]
Work = Callable[[str, str, str], str | None]
Arguments = tuple[Work, str, str, str]
"""The function that runs a unit, the run's folder, the phase in JSON, and where relative paths begin."""
_IN_FLIGHT = 2  # units of an actor: one runs, one waits, so that a GPU never waits for the driver
_MOST_ENDED_AT_ONCE = 64
_MOST_EARLY_DEATHS = 20
_FAREWELL_S = 3.0  # how long tasks that are interrupted have until they are killed


@dataclass(frozen=True, slots=True)
class Ended:
    """A unit that ended: `lost` says what was lost with its worker, '' if it ran; `message` why it failed, '' if it did not."""

    unit: Unit
    lost: Loss = ""
    message: str = ""


class Workers(Protocol):
    """Takes units and returns them when they ended."""

    def submit(self, unit: Unit) -> bool:
        """Takes the unit; False if enough units are in flight."""
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


class Tasks:
    """A Ray task per unit, up to `most` in flight; those that do not fit wait in Ray's queue."""

    def __init__(self, arguments: Arguments, options: dict[str, Any], most: int) -> None:
        import ray

        work, self._run, phase, self._home = arguments
        self._task = ray.remote(_run_unit).options(**options, max_retries=0)
        self._work, self._phase, self._most = ray.put(work), ray.put(phase), most
        self._units: dict[Any, Unit] = {}

    def submit(self, unit: Unit) -> bool:
        if len(self._units) >= self._most:
            return False
        described = json.dumps(unit.to_json())
        self._units[self._task.remote(self._work, self._run, self._phase, described, self._home)] = unit
        return True

    def keep_busy(self) -> None:
        """Tasks start by themselves."""

    def refs(self) -> list[Any]:
        return list(self._units)

    def take(self, ref: Any) -> list[Ended]:
        return [_ended(self._units.pop(ref), ref)]

    def close(self) -> None:
        import ray

        for ref in self._units:
            ray.cancel(ref)  # a task that is interrupted removes its temporary files
        _, busy = ray.wait(list(self._units), num_returns=len(self._units), timeout=_FAREWELL_S) if self._units else ([], [])
        for ref in busy:
            ray.cancel(ref, force=True)
        self._units = {}


class Actors:
    """Up to `most` actors, started as units come, each with up to two units in flight: one runs, one waits. An actor that dies is
    replaced; the unit that ran is reported as lost with its worker, the one that waited as lost through no fault of its own.
    `may_start` is asked before an actor is started."""

    def __init__(self, arguments: Arguments, options: dict[str, Any], most: int, may_start: Callable[[], bool]) -> None:
        import ray

        self._actor = ray.remote(_Actor).options(**options, max_restarts=0, max_task_retries=0)
        self._arguments, self._cpus, self._most, self._may_start = arguments, float(options["num_cpus"]), most, may_start
        self._waiting: deque[Unit] = deque()  # taken, but not given to an actor
        self._starting: dict[Any, Any] = {}  # actors by the ref that resolves when they are up
        self._queues: dict[Any, list[Any]] = {}  # refs by actor, the running one first
        self._units: dict[Any, tuple[Unit, Any]] = {}  # unit and actor by ref
        self._early_deaths = 0

    @property
    def cpus(self) -> float:
        """What all its actors hold."""
        return self._cpus * (len(self._queues) + len(self._starting))

    def submit(self, unit: Unit) -> bool:
        if len(self._waiting) + len(self._units) >= _IN_FLIGHT * self._most:
            return False
        self._waiting.append(unit)
        return True

    def keep_busy(self) -> None:
        """Gives waiting units to actors that have room, and starts actors for the rest."""
        for actor in sorted(self._queues, key=lambda actor: len(self._queues[actor])):
            while self._waiting and len(self._queues[actor]) < _IN_FLIGHT:
                unit = self._waiting.popleft()
                ref = actor.run.remote(json.dumps(unit.to_json()))
                self._queues[actor].append(ref)
                self._units[ref] = (unit, actor)
        while len(self._waiting) > len(self._starting) and len(self._queues) + len(self._starting) < self._most:
            if not self._may_start():
                return
            actor = self._actor.remote(*self._arguments)
            self._starting[actor.ready.remote()] = actor

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
                raise FatalError(f"actors keep dying before they run a unit: {_first_line(error)}") from error
        except exceptions.RayError as error:
            raise _translated(error) from error

    def _end(self, ref: Any) -> list[Ended]:
        """Takes a unit that ended off its actor. If the actor died, the unit that ran is the one that was first in its queue."""
        unit, actor = self._units[ref]
        ended = _ended(unit, ref)
        if not ended.lost:
            self._queues[actor].remove(ref)
            del self._units[ref]
            return [ended]
        running, *behind = [self._units.pop(queued)[0] for queued in self._queues.pop(actor)]
        return [replace(ended, unit=running), *(Ended(unit, "node", "its actor died before it ran") for unit in behind)]

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
        return _run_unit(self._work, self._run, self._phase, unit, self._home)


def _run_unit(work: Work, run: str, phase: str, unit: str, home: str) -> str | None:
    worker_view.take(home, run)
    return work(run, phase, unit)


def ready(refs: list[Any], timeout_s: float) -> list[Any]:
    """The refs that are ready, as soon as there is one; none after the timeout."""
    import ray

    if not refs:
        return []
    ended, _ = ray.wait(refs, num_returns=1, timeout=timeout_s, fetch_local=False)
    if ended and len(refs) > 1:  # and those that ended meanwhile
        ended, _ = ray.wait(refs, num_returns=min(len(refs), _MOST_ENDED_AT_ONCE), timeout=0, fetch_local=False)
    return list(ended)


def _ended(unit: Unit, ref: Any) -> Ended:
    """What became of a unit. Raises what the worker raised to stop the run."""
    import ray
    from ray import exceptions

    try:
        return Ended(unit, message=ray.get(ref) or "")
    except exceptions.OutOfMemoryError as error:
        return Ended(unit, "memory", _first_line(error))
    except (exceptions.NodeDiedError, exceptions.ObjectLostError, exceptions.ActorUnavailableError) as error:
        return Ended(unit, "node", _first_line(error))
    except (exceptions.WorkerCrashedError, exceptions.ActorDiedError) as error:
        return Ended(unit, "worker", _first_line(error))
    except exceptions.RayError as error:
        raise _translated(error) from error


def _first_line(error: Exception) -> str:
    """What Ray says, without the name of the task: errors of a task's arguments are wrapped in one that names the task."""
    return str(getattr(error, "cause", None) or error).strip().splitlines()[0]


def _translated(error: Exception) -> Exception:
    """Our own error from inside Ray's wrapping, or one line about Ray's."""
    from ray.exceptions import RayError

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, FatalError | ConfigError) and not isinstance(cause, RayError):  # Ray's wrapping is both
            return cause
        cause = getattr(cause, "cause", None) or cause.__cause__
    return FatalError(f"Ray gave up: {str(error).strip().splitlines()[-1]}")
