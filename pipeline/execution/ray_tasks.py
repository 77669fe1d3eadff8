"""Units as tasks of Ray: they wait in its queue with the resources that they ask for."""

from __future__ import annotations

import json
import time
from typing import Any

from interloom.pipeline.execution.ray_outcomes import Ended, ended
from interloom.pipeline.execution.ray_workers import Arguments, Most, run_there
from interloom.pipeline.execution.units import Unit

_FAREWELL_S = 3.0  # how long tasks that are interrupted have until they are killed


class Tasks:
    """A Ray task per unit, up to `most` in flight; those that do not fit wait in Ray's queue. Above `limit` no unit is copied."""

    def __init__(self, arguments: Arguments, options: dict[str, Any], most: Most, limit: int | None = None) -> None:
        import ray

        work, self._run, phase, self._home = arguments
        self._task = ray.remote(run_there).options(**options, max_retries=0)
        self._elsewhere = ray.remote(run_there).options(**options, max_retries=0, scheduling_strategy="SPREAD")
        self._work, self._phase, self._most, self._limit = ray.put(work), ray.put(phase), most, limit
        self._units: dict[Any, Unit] = {}
        self._leaving: dict[Any, float] = {}  # tasks that are interrupted, and when they are killed

    def submit(self, unit: Unit) -> bool:
        if len(self._units) >= self._most():
            return False
        self._start(self._task, unit)
        return True

    def copy(self, unit: Unit) -> bool:
        if self._limit and len(self._units) + len(self._leaving) >= self._limit:
            return False
        self._start(self._elsewhere, unit)
        return True

    def _start(self, task: Any, unit: Unit) -> None:
        self._units[task.remote(self._work, self._run, self._phase, json.dumps(unit.to_json()), self._home)] = unit

    def drop(self, unit: Unit) -> list[Ended]:
        import ray

        for ref in [ref for ref, other in self._units.items() if other.id == unit.id]:
            del self._units[ref]
            ray.cancel(ref)  # a task that is interrupted removes its temporary files
            self._leaving[ref] = time.monotonic() + _FAREWELL_S
        return []

    def abandon(self) -> list[Unit]:
        units = list({unit.id: unit for unit in self._units.values()}.values())
        self.close()
        return units

    def keep_busy(self) -> None:
        import ray

        for ref in [ref for ref, until in self._leaving.items() if time.monotonic() > until]:
            ray.cancel(ref, force=True)
            del self._leaving[ref]

    def refs(self) -> list[Any]:
        return list(self._units)

    def take(self, ref: Any) -> list[Ended]:
        return [ended(self._units.pop(ref), ref)] if ref in self._units else []

    def close(self) -> None:
        import ray

        for ref in self._units:
            ray.cancel(ref)
        refs = [*self._units, *self._leaving]
        _, busy = ray.wait(refs, num_returns=len(refs), timeout=_FAREWELL_S) if refs else ([], [])
        for ref in busy:
            ray.cancel(ref, force=True)
        self._units, self._leaving = {}, {}
