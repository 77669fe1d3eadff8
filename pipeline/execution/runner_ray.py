"""The same units on Ray Core: CPU phases as tasks, phases with a model as actors that keep it.

Workers take a unit's description and return whether it failed; documents, media and commits go straight between workers and
storage, so that a lost node loses no results. Tasks wait in Ray's queue with the resources that they ask for, which makes an
autoscaling cluster grow. Ray retries nothing by itself: this module counts the tries of each unit by cause.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar

from interloom.pipeline.errors import ConfigError
from interloom.pipeline.execution import resources
from interloom.pipeline.execution.ray_workers import Actors, Tasks, Workers
from interloom.pipeline.execution.run_unit import run_unit
from interloom.pipeline.execution.units import Unit, unit_from_json
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.store.commits import Commit, FailedUnit, read_commit

_MOST_TRIES = {"worker": 3, "memory": 3, "node": 10}
"""How often a unit may lose its worker, by cause. A crash and a kill for lack of memory may be the unit's fault; the loss of a
node (preemption) is not."""
_POLL_S = 5.0  # how often a cluster is looked at while nothing ends
_SLOTS_AHEAD = 8


class RayRunner:
    """Runs units on the Ray cluster at `address`, or on one started here for this run.

    `workers` bounds the units that run at the same time; `show_logs` lets Ray and the workers print.
    """

    name = "ray"
    work: ClassVar[Callable[[str, str, str], str | None]]
    """What runs on the workers: (run, phase, unit), the latter two in JSON, to None or why the unit failed for good."""

    def __init__(self, address: str | None = None, *, workers: int | None = None, show_logs: bool = False) -> None:
        os.environ.setdefault("RAY_AUTH_MODE", "disabled")  # unset, Ray 2.60 turns it on when it finds a token file
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        import ray

        quiet = {} if show_logs else {"log_to_driver": False, "logging_level": logging.ERROR}
        address = address or os.environ.get("RAY_ADDRESS")
        if not ray.is_initialized():
            # "local" and not None: without it Ray looks for a cluster that ran here before, and waits for it if it is dead
            ray.init(address=address or "local", include_dashboard=None if address else False, **quiet)
            atexit.register(ray.shutdown)  # before Ray's own, which waits half a second for logs
        self._where = address or "this machine"
        self._may_grow = address is not None
        self._most = workers

    def run(self, run: str, phase: Phase, units: Sequence[Unit]) -> Iterator[Commit | FailedUnit]:
        """Yields what became of each unit. Raises ConfigError when no worker of this phase fits the cluster."""
        workers = self._workers(run, phase, len(units))
        waiting = deque(units)
        tries: Counter[tuple[str, str]] = Counter()
        try:
            while waiting or workers.busy:
                while waiting and workers.submit(waiting[0]):
                    waiting.popleft()
                for ended in workers.wait(_POLL_S):
                    if ended.lost:
                        tries[ended.unit.id, ended.lost] += 1
                        if tries[ended.unit.id, ended.lost] < _MOST_TRIES[ended.lost]:
                            waiting.append(ended.unit)
                            continue
                        message = f"lost its worker {_MOST_TRIES[ended.lost]} times ({ended.lost}): {ended.message}"
                        yield FailedUnit(ended.unit.id, phase.name, message)
                    elif ended.message:
                        yield FailedUnit(ended.unit.id, phase.name, ended.message)
                    else:
                        yield read_commit(run, phase, ended.unit.id)
        finally:
            workers.close()

    def _workers(self, run: str, phase: Phase, units: int) -> Workers:
        needs, capacity = phase.needs(), resources.cluster(self._where)
        fit = self._fitting(phase, capacity)
        asked = needs.workers or self._most
        options = {"num_cpus": needs.cpus, "num_gpus": needs.gpus or None, "memory": needs.memory_bytes}
        options = {name: value for name, value in options.items() if value is not None}
        arguments = (type(self).work, run, json.dumps(phase.to_json()))
        if phase.keeps_model:
            # One more actor than fits stays in Ray's queue, so that a cluster that can grow does
            return Actors(arguments, options, min(units, self._bounded(asked or fit + self._may_grow)))
        return Tasks(arguments, options, self._bounded(needs.workers or 2 * fit + _SLOTS_AHEAD))

    def _bounded(self, workers: int) -> int:
        return max(1, min(workers, self._most or workers))

    def _fitting(self, phase: Phase, capacity: resources.Capacity) -> int:
        """How many workers of this phase the cluster can run at a time now. Raises ConfigError if none, and it cannot grow."""
        needs = phase.needs()
        by_gpu = capacity.gpus // needs.gpus if needs.gpus else capacity.cpus // needs.cpus
        fit = int(min(capacity.cpus // needs.cpus, by_gpu))
        if not fit and not self._may_grow:
            asks = f"{needs.cpus:g} CPUs and {needs.gpus:g} GPUs"
            has = f"{capacity.where} has {capacity.cpus:g} and {capacity.gpus:g}"
            raise ConfigError(f"{phase.name} asks for {asks} for one worker; {has}")
        return fit


def work(run: str, phase: str, unit: str) -> str | None:
    """On a worker: runs and commits the unit. Returns None, or why it failed for good."""
    described = Phase.from_json(json.loads(phase))
    outcome = run_unit(run, described, unit_from_json(described, json.loads(unit)))
    return outcome.message if isinstance(outcome, FailedUnit) else None


RayRunner.work = staticmethod(work)
