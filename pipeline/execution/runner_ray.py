"""The same units on Ray Core: CPU phases as tasks, phases with a model as actors that keep it.

Workers take a unit's description and return whether it failed; documents, media and commits go straight between workers and
storage, so that a lost node loses no results. Tasks wait in Ray's queue with the resources that they ask for, which makes an
autoscaling cluster grow. Ray retries nothing by itself: this module counts the tries of each unit by cause.
"""

from __future__ import annotations

import json
import os
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar

from interloom.pipeline.errors import ConfigError, FatalError, KilledError
from interloom.pipeline.execution import killed, ray_cluster, resources
from interloom.pipeline.execution.ray_workers import Actors, Ended, Tasks, Workers, ready
from interloom.pipeline.execution.run_unit import run_unit
from interloom.pipeline.execution.units import Unit, unit_from_json
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.store import storage
from interloom.pipeline.store.commits import Commit, FailedUnit, read_commit

_POLL_S = 5.0  # how long to wait for a unit to end before the driver looks around
_SLOTS_AHEAD = 8  # units in Ray's queue beyond twice what runs, so that no slot waits for the driver


class RayRunner:
    """Runs units on the Ray cluster at `address`, or on one started here for this run.

    `workers` bounds the units of a phase that run at the same time; `show_logs` lets Ray and the workers print. Raises
    ConfigError when the cluster does not answer.
    """

    name = "ray"
    work: ClassVar[Callable[[str, str, str], str | None]]
    """What runs on the workers: (run, phase, unit), the latter two in JSON, to None or why the unit failed for good."""
    most_tries: ClassVar[Mapping[str, int]] = {"worker": 3, "memory": 3, "node": 10}
    """How often a unit may lose its worker, by cause. A crash and a kill for lack of memory may be the unit's fault; the loss of
    a node (preemption) is not."""

    def __init__(self, address: str | None = None, *, workers: int | None = None, show_logs: bool = False) -> None:
        address = address or os.environ.get("RAY_ADDRESS")
        ray_cluster.connect(address, show_logs=show_logs)
        self._home = ray_cluster.home()
        self._where = address or "this machine"
        self._may_grow = address is not None
        self._most = workers
        self._workers: dict[str, Workers] = {}
        self._phases: dict[str, tuple[str, Phase]] = {}
        self._again: dict[str, deque[Unit]] = {}
        self._tries: Counter[tuple[str, str]] = Counter()

    def submit(self, run: str, phase: Phase, unit: Unit) -> bool:
        """Takes the unit. Raises ConfigError when no worker of its phase fits the cluster."""
        if phase.name not in self._workers:
            self._workers[phase.name] = self._start(run, phase)
            self._phases[phase.name], self._again[phase.name] = (run, phase), deque()
        return self._workers[phase.name].submit(unit)

    def wait(self) -> Iterator[Commit | FailedUnit]:
        """Yields what became of units that ended. Units that lost their worker are run again, so often as is sensible."""
        for name, again in self._again.items():
            while again and self._workers[name].submit(again[0]):
                again.popleft()
        for workers in self._workers.values():
            workers.keep_busy()
        owners = {ref: name for name, workers in self._workers.items() for ref in workers.refs()}
        for ref in ready(list(owners), _POLL_S):
            name = owners[ref]
            for ended in self._workers[name].take(ref):
                outcome = self._outcome(name, ended)
                if outcome is None:
                    self._again[name].append(ended.unit)
                else:
                    yield outcome

    def _outcome(self, name: str, ended: Ended) -> Commit | FailedUnit | None:
        """What became of the unit; None if it is to be run again."""
        run, phase = self._phases[name]
        if not ended.lost:
            return FailedUnit(ended.unit.id, name, ended.message) if ended.message else self._commit(run, phase, ended.unit)
        self._tries[ended.unit.id, ended.lost] += 1
        if self._tries[ended.unit.id, ended.lost] < self.most_tries[ended.lost]:
            return None
        message = f"lost its worker {self.most_tries[ended.lost]} times ({ended.lost}): {ended.message}"
        given_up = killed.given_up(storage.join(run, phase.folder, ended.unit.id))
        if given_up:
            message += f"; children were killed from outside while they worked on {', '.join(given_up)}"
        return FailedUnit(ended.unit.id, name, message)

    def _commit(self, run: str, phase: Phase, unit: Unit) -> Commit:
        try:
            return read_commit(run, phase, unit.id)
        except FileNotFoundError as error:
            raise FatalError(
                f"{error.filename}: a worker has written it, but it is not here; do all machines see {run}?"
            ) from error

    def end(self, phase: Phase) -> None:
        if workers := self._workers.pop(phase.name, None):
            workers.close()
            self._again.pop(phase.name)

    def close(self) -> None:
        for workers in self._workers.values():
            workers.close()
        self._workers, self._again = {}, {}

    def _start(self, run: str, phase: Phase) -> Workers:
        needs = phase.needs()
        fit = self._fitting(phase)
        options = {"num_cpus": needs.cpus, "num_gpus": needs.gpus or None, "memory": needs.memory_bytes}
        options = {name: value for name, value in options.items() if value is not None}
        absolute = run if storage.is_remote(run) else os.path.join(self._home, run)
        arguments = (type(self).work, absolute, json.dumps(phase.to_json()), self._home)
        if phase.keeps_model:
            # One more actor than fits stays in Ray's queue, so that a cluster that can grow does
            return Actors(arguments, options, self._bounded(needs.workers or fit + self._may_grow), self._may_start(needs.cpus))
        return Tasks(arguments, options, self._bounded(needs.workers or 2 * fit + _SLOTS_AHEAD))

    def _bounded(self, workers: int) -> int:
        return max(1, min(workers, self._most or workers))

    def _may_start(self, cpus: float) -> Callable[[], bool]:
        """Whether one more actor with so many CPUs may start: actors hold their CPUs while they wait for units, so one CPU is
        left to tasks as long as there are any."""

        def may_start() -> bool:
            if not any(isinstance(workers, Tasks) and workers.refs() for workers in self._workers.values()):
                return True
            held = sum(workers.cpus for workers in self._workers.values() if isinstance(workers, Actors))
            return held + cpus <= resources.cluster(self._where).cpus - 1

        return may_start

    def _fitting(self, phase: Phase) -> int:
        """How many workers of this phase the cluster can run at a time now. Raises ConfigError if none, and it cannot grow."""
        needs, capacity = phase.needs(), resources.cluster(self._where)
        by_gpu = capacity.gpus // needs.gpus if needs.gpus else capacity.cpus // needs.cpus
        fit = int(min(capacity.cpus // needs.cpus, by_gpu))
        if not fit and not self._may_grow:
            asks = f"{needs.cpus:g} CPUs and {needs.gpus:g} GPUs"
            has = f"{capacity.where} has {capacity.cpus:g} and {capacity.gpus:g}"
            raise ConfigError(f"{phase.name} asks for {asks} for one worker; {has}")
        return fit


def work(run: str, phase: str, unit: str) -> str | None:
    """On a worker: runs and commits the unit. Returns None, or why it failed for good. A worker whose children are killed from
    outside ends, so that another one gets the unit."""
    described = Phase.from_json(json.loads(phase))
    try:
        outcome = run_unit(run, described, unit_from_json(described, json.loads(unit)))
    except KilledError:
        os._exit(1)
    return outcome.message if isinstance(outcome, FailedUnit) else None


RayRunner.work = staticmethod(work)
