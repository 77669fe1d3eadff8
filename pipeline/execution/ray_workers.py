"""Workers on Ray for the units of one phase: tasks, or actors that keep their model. Retries are decided by the runner."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from interloom.pipeline.errors import ConfigError, FatalError
from interloom.pipeline.execution.units import Unit

Loss = Literal["", "worker", "memory", "node"]
Arguments = tuple[Callable[[str, str, str], str | None], str, str]
"""The function that runs a unit, the run's folder, and the phase in JSON."""
_IN_FLIGHT = 2  # units of an actor: one runs, one waits, so that a GPU never waits for the driver
_MOST_ENDED_AT_ONCE = 64
_MOST_EARLY_DEATHS = 20
_START_S = 1.0  # how long to wait at a time for the first actor


@dataclass(frozen=True, slots=True)
class Ended:
    """A unit that ended: `lost` says what was lost with its worker, '' if it ran; `message` why it failed, '' if it did not."""

    unit: Unit
    lost: Loss = ""
    message: str = ""


class Workers(Protocol):
    """Takes units and returns them when they ended."""

    @property
    def busy(self) -> bool:
        """Whether a unit has not ended."""
        ...

    def submit(self, unit: Unit) -> bool:
        """Takes the unit; False if enough units are in flight."""
        ...

    def wait(self, timeout_s: float) -> Iterator[Ended]:
        """The units that ended, as soon as there is one, or none after the timeout. Raises what stops the run."""
        ...

    def close(self) -> None:
        """Cancels what is in flight and releases all workers."""
        ...


class Tasks:
    """A Ray task per unit, up to `most` in flight; those that do not fit wait in Ray's queue."""

    def __init__(self, arguments: Arguments, options: dict[str, Any], most: int) -> None:
        import ray

        work, self._run, phase = arguments
        self._task = ray.remote(work).options(**options, max_retries=0)
        self._phase, self._most = ray.put(phase), most
        self._units: dict[Any, Unit] = {}

    @property
    def busy(self) -> bool:
        return bool(self._units)

    def submit(self, unit: Unit) -> bool:
        if len(self._units) >= self._most:
            return False
        self._units[self._task.remote(self._run, self._phase, json.dumps(unit.to_json()))] = unit
        return True

    def wait(self, timeout_s: float) -> Iterator[Ended]:
        for ref in _ready(list(self._units), timeout_s):
            yield _ended(self._units.pop(ref), ref)

    def close(self) -> None:
        import ray

        for ref in self._units:
            ray.cancel(ref, force=True)


class Actors:
    """Up to `most` actors, each with up to two units in flight. An actor that dies is replaced; what was queued on it is returned
    as lost with it only if it may have been running."""

    def __init__(self, arguments: Arguments, options: dict[str, Any], most: int) -> None:
        import ray

        self._actor = ray.remote(_Actor).options(**options, max_restarts=0, max_task_retries=0)
        self._arguments, self._most = arguments, most
        self._starting: dict[Any, Any] = {}  # by the ref that resolves when the actor is up
        self._queues: dict[Any, list[Any]] = {}  # refs by actor, the running one first
        self._units: dict[Any, tuple[Unit, Any]] = {}  # unit and actor by ref
        self._returned: list[Unit] = []
        self._early_deaths = 0

    @property
    def busy(self) -> bool:
        return bool(self._units or self._returned)

    def submit(self, unit: Unit) -> bool:
        self._start()
        free = [actor for actor, queue in self._queues.items() if len(queue) < _IN_FLIGHT]
        if not free:
            if not self._queues:
                self._accept(list(self._starting), _START_S)
            return False
        actor = min(free, key=lambda actor: len(self._queues[actor]))
        ref = actor.run.remote(json.dumps(unit.to_json()))
        self._queues[actor].append(ref)
        self._units[ref] = (unit, actor)
        return True

    def _start(self) -> None:
        while len(self._queues) + len(self._starting) < self._most:
            actor = self._actor.remote(*self._arguments)
            self._starting[actor.ready.remote()] = actor

    def _accept(self, starting: list[Any], timeout_s: float) -> None:
        """Lets actors that are up take units. One that died before is started anew with the next unit, unless too many did: then
        raises FatalError."""
        import ray
        from ray import exceptions

        for ref in _ready(starting, timeout_s):
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

    def wait(self, timeout_s: float) -> Iterator[Ended]:
        yield from (Ended(unit, "node", "its actor died before it ran") for unit in self._returned)
        self._returned = []
        for ref in _ready([*self._units, *self._starting], timeout_s):
            if ref in self._starting:
                self._accept([ref], 0.0)
            elif ref in self._units:
                yield self._end(ref)

    def _end(self, ref: Any) -> Ended:
        """Takes a unit that ended off its actor. If the actor died, the unit that ran is the one that was first in its queue."""
        unit, actor = self._units[ref]
        ended = _ended(unit, ref)
        queue = self._queues[actor]
        if not ended.lost:
            queue.remove(ref)
            del self._units[ref]
            return ended
        running, *behind = [self._units.pop(queued)[0] for queued in self._queues.pop(actor)]
        self._returned += behind
        return replace(ended, unit=running)

    def close(self) -> None:
        import ray

        for actor in [*self._queues, *self._starting.values()]:
            ray.kill(actor)


class _Actor:
    """Runs units of one phase in a process that stays, so that a model is loaded once."""

    def __init__(self, work: Callable[[str, str, str], str | None], run: str, phase: str) -> None:
        self._work, self._run, self._phase = work, run, phase

    def ready(self) -> None:
        """Returns when the actor is up."""

    def run(self, unit: str) -> str | None:
        return self._work(self._run, self._phase, unit)


def _ready(refs: list[Any], timeout_s: float) -> list[Any]:
    import ray

    if not refs:
        return []
    ready, _ = ray.wait(refs, num_returns=1, timeout=timeout_s, fetch_local=False)
    if ready and len(refs) > 1:  # and those that ended meanwhile
        ready, _ = ray.wait(refs, num_returns=min(len(refs), _MOST_ENDED_AT_ONCE), timeout=0, fetch_local=False)
    return list(ready)


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
    return str(error).strip().splitlines()[0]


def _translated(error: Exception) -> Exception:
    """Our own error from inside Ray's wrapping, or one line about Ray's."""
    from ray.exceptions import RayError

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, FatalError | ConfigError) and not isinstance(cause, RayError):  # Ray's wrapping is both
            return cause
        cause = getattr(cause, "cause", None) or cause.__cause__
    return FatalError(f"Ray gave up: {str(error).strip().splitlines()[-1]}")
