"""The same units on Ray Core: CPU phases as tasks, phases with a model as actors that keep it.

Workers take a unit's description and return whether it failed; documents, media and commits go straight between workers and
storage, so that a lost node loses no results. Tasks wait in Ray's queue with the resources that they ask for, which makes an
autoscaling cluster grow. Ray retries nothing by itself: this module counts the tries of each unit by cause.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import ClassVar

from interloom.pipeline import sharing
from interloom.pipeline.errors import ConfigError, KilledError
from interloom.pipeline.execution import ray_cluster
from interloom.pipeline.execution.ray_actors import Actors
from interloom.pipeline.execution.ray_nodes import WAIT_S, Nodes, Wait
from interloom.pipeline.execution.ray_outcomes import ready
from interloom.pipeline.execution.ray_phase import PhaseOnRay
from interloom.pipeline.execution.ray_tasks import Tasks
from interloom.pipeline.execution.ray_workers import Workers
from interloom.pipeline.execution.resources import Node, fits_nowhere
from interloom.pipeline.execution.run_unit import run_unit
from interloom.pipeline.execution.units import Unit, unit_from_json
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.planning.worker_needs import Needs
from interloom.pipeline.store import storage
from interloom.pipeline.store.commits import Commit, FailedUnit

_POLL_S = 5.0  # how long to wait for a unit to end before the driver looks around
_SLOTS_AHEAD = 8  # units in Ray's queue beyond twice what runs, so that no slot waits for the driver


class RayRunner:
    """Runs units on the Ray cluster at `address`, or on one started here for this run.

    `workers` bounds the units of a phase that run at the same time; `wait_for_nodes_s` is how long a phase waits for a node of a
    cluster on which its worker fits; `show_logs` lets Ray and the workers print. Raises ConfigError when the cluster does not
    answer.
    """

    name = "ray"
    work: ClassVar[Callable[[str, str, str], str | None]]
    """What runs on the workers: (run, phase, unit), the latter two in JSON, to None or why the unit failed for good."""
    most_tries: ClassVar[Mapping[str, int]] = {"worker": 3, "memory": 3, "node": 10}
    """How often a unit may lose its worker, by cause. A crash and a kill for lack of memory may be the unit's fault; the loss of
    a node (preemption) is not."""
    slow: ClassVar[tuple[float, float]] = (5.0, 60.0)
    """A unit that runs for more than so many times the median, and so many seconds, is named and, once half of its phase is done,
    run on another worker, too. Our choice."""

    def __init__(
        self, address: str | None = None, *, workers: int | None = None, wait_for_nodes_s: float = WAIT_S, show_logs: bool = False
    ) -> None:
        address = address or os.environ.get("RAY_ADDRESS")
        ray_cluster.connect(address, show_logs=show_logs)
        self._home = ray_cluster.home()
        self._where = address or "this machine"
        self._may_grow = address is not None
        self._most, self._wait_s = workers, wait_for_nodes_s
        self._nodes = Nodes()
        self._phases: dict[str, PhaseOnRay] = {}
        self._notes: list[tuple[str, str]] = []

    def submit(self, run: str, phase: Phase, unit: Unit) -> bool:
        """Takes the unit. Raises ConfigError when no worker of its phase fits the cluster, and it cannot grow."""
        if phase.name not in self._phases:
            self._phases[phase.name] = self._start(run, phase)
        return self._phases[phase.name].submit(unit)

    def half_done(self, phase: Phase) -> None:
        """From now on slow units of the phase may get a copy."""
        if phase.name in self._phases:
            self._phases[phase.name].may_copy = True

    def wait(self) -> Iterator[Commit | FailedUnit]:
        """Yields what became of units that ended. Units that lost their worker are run again, so often as is sensible."""
        for work in self._phases.values():
            yield from work.look_around(len(self._nodes.up()), self._nodes.fitting(work.needs))
        owners = {ref: work for work in self._phases.values() for ref in work.workers.refs()}
        for ref in ready(list(owners), _POLL_S):
            for ended in owners[ref].workers.take(ref):
                if outcome := owners[ref].enter(ended):
                    yield outcome

    def notes(self) -> Iterator[tuple[str, str]]:
        """Lines for people since the last call, each with the name of its phase."""
        while self._notes:
            yield self._notes.pop(0)

    def end(self, phase: Phase) -> None:
        if work := self._phases.pop(phase.name, None):
            work.workers.close()

    def close(self) -> None:
        for work in self._phases.values():
            work.workers.close()
        self._phases = {}

    def _start(self, run: str, phase: Phase) -> PhaseOnRay:
        needs = self._nodes.with_memory(phase.needs()) if phase.keeps_model else phase.needs()
        if not self._may_grow and not self._nodes.fitting(needs):
            worker = Node(needs.cpus, needs.gpus, needs.memory_bytes or 0)
            raise ConfigError(fits_nowhere(phase.name, worker, self._nodes.up(), f"the cluster at {self._where}"))
        options = {"num_cpus": needs.cpus, "num_gpus": needs.gpus or None, "memory": needs.memory_bytes}
        options = {name: value for name, value in options.items() if value is not None}
        absolute = run if storage.is_remote(run) else os.path.join(self._home, run)
        fit = sys.maxsize if self._may_grow else self._nodes.fitting(needs)
        limited = limited_to(min(self._most or fit, fit), phase)
        arguments = (type(self).work, absolute, json.dumps(limited.to_json()), self._home)
        workers: Workers
        if phase.keeps_model:
            workers = Actors(arguments, options, lambda: self._most_actors(needs), lambda: self._may_start(needs))
        else:
            workers = Tasks(arguments, options, partial(self._most_tasks, needs), limited.most_workers)
        kept = (Wait(phase.name, needs, self._wait_s), lambda note: self._notes.append((phase.name, note)))
        return PhaseOnRay(run, phase, workers, kept, (type(self).most_tries, type(self).slow))

    def _most_tasks(self, needs: Needs) -> int:
        return self._bounded(needs, 2 * self._nodes.fitting(needs) + _SLOTS_AHEAD)

    def _most_actors(self, needs: Needs) -> int:
        """As many as fit; on a cluster that may grow as many again, and one, which wait in Ray's queue and so make it grow."""
        fit = self._nodes.fitting(needs)
        return self._bounded(needs, 2 * fit + 1 if self._may_grow else fit)

    def _bounded(self, needs: Needs, workers: int) -> int:
        workers = needs.workers or workers
        return max(1, min(workers, self._most or workers))

    def _may_start(self, needs: Needs) -> bool:
        """Whether one more such actor may start: actors hold what they take while they wait for units, so as long as there are
        tasks, one CPU is left to them and, on some node, the memory that one reserves. An actor that fits no node takes nothing
        from them, and makes the cluster grow."""
        tasks = [work.needs for work in self._phases.values() if isinstance(work.workers, Tasks) and work.workers.refs()]
        if not tasks or not self._nodes.fitting(needs):
            return True
        actors = [(work.needs, work.workers.count) for work in self._phases.values() if isinstance(work.workers, Actors)]
        actors.append((needs, 1))
        nodes = self._nodes.up()
        free_cpus = sum(node.cpus for node in nodes) - sum(held.cpus * count for held, count in actors)
        free_bytes = sum(node.memory_bytes for node in nodes) - sum((held.memory_bytes or 0) * count for held, count in actors)
        return free_cpus >= 1 and free_bytes >= len(nodes) * max(task.memory_bytes or 0 for task in tasks)


def limited_to(workers: int, phase: Phase) -> Phase:
    """The phase on a cluster where no more workers run at a time, nor more than it has units. If neither recipe nor steps limit
    them, it is as it was."""
    workers = min(workers, phase.to_run or workers)
    steps = [replace(step, workers=min(step.workers, workers)) if step.workers else step for step in phase.steps]
    return replace(phase, steps=tuple(steps))


def work(run: str, phase: str, unit: str) -> str | None:
    """On a worker: runs and commits the unit. Returns None, or why it failed for good. A worker whose children are killed from
    outside ends, so that another one gets the unit."""
    described = Phase.from_json(json.loads(phase))
    sharing.share_among(described.most_workers or 1)
    try:
        outcome = run_unit(run, described, unit_from_json(described, json.loads(unit)))
    except KilledError:
        os._exit(1)
    return outcome.message if isinstance(outcome, FailedUnit) else None


RayRunner.work = staticmethod(work)
