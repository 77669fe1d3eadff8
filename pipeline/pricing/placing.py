"""Where the work of a run takes place: how many workers fit, what they hold, and how long phases take by the clock."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from interloom.pipeline.errors import ConfigError
from interloom.pipeline.pricing.costs import PhaseCost
from interloom.pipeline.pricing.runs import Runs

_IN_MEMORY = 8
"""So many times as much memory as stored bytes is taken to hold rows: they are stored compressed, and copied. Our choice."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Where the run is to take place: CPU cores and GPUs in all, and the memory of one node in bytes."""

    cpus: float
    gpus: float
    memory_bytes: float


@dataclass(frozen=True, slots=True)
class PhasePrice:
    """A phase of the whole run: its units, how many workers may run them at once, and how long they take by the clock."""

    name: str
    units: float
    cpu_s: float
    workers: int
    clock_s: float


def starts(runs: Runs, costs: Sequence[PhaseCost]) -> dict[str, float]:
    """CPU seconds with which steps begin in a process: how much longer the same documents took when nothing had started."""
    took: dict[str, float] = {}
    for cost in costs:
        cold, warm = (run.work(cost.phase.name, cost.does) for run in (runs.cold, runs.sample.small))
        before, after = cold.steps(), warm.steps()
        for key in cost.steps:
            more = before[key]["cpu_s"] - after[key]["cpu_s"] if key in before and key in after else 0.0
            took[key] = took.get(key, 0.0) + max(more, 0.0)
        rest = cold.rest()["cpu_s"] - warm.rest()["cpu_s"]
        stores = cost.phase.steps[-1].key if cost.phase.kind == "documents" else next(iter(cost.steps))
        took[stores] += max(rest, 0.0)
    return took


def peaks(runs: Runs, costs: Sequence[PhaseCost]) -> dict[str, float]:
    """The memory of a worker of each phase, in bytes."""
    peak_of: dict[str, float] = {}
    for cost in costs:
        peak_of[cost.phase.name] = max(peak_of.get(cost.phase.name, 0.0), _peak_bytes(runs, cost))
    return peak_of


def _peak_bytes(runs: Runs, cost: PhaseCost) -> float:
    """The memory of a worker: what a process holds before its first unit, what it keeps of the start (models), and what a unit of
    the whole run takes beyond one of the sample."""
    held = min((work.whole.held_bytes for work in runs.cold.works.values() if work.whole.held_bytes), default=0)
    cold, warm, large = (
        max((seen.growth_bytes for seen in run.work(cost.phase.name, cost.does).units), default=0)
        for run in (runs.cold, runs.sample.small, runs.sample.large)
    )
    return held + max(cold - warm, 0) + max(warm, large) + _IN_MEMORY * cost.more_bytes


def check_memory(costs: Sequence[PhaseCost], peaks: Mapping[str, float], machine: Machine) -> None:
    """Raises ConfigError for each phase whose workers need more memory than the recipe gives them, or than a node has."""
    problems = {}
    for cost in costs:
        asked, peak = cost.phase.needs().memory_bytes, peaks[cost.phase.name]
        there = machine.memory_bytes if asked is None else min(asked, machine.memory_bytes)
        if peak > there:
            whose = "the recipe gives it" if asked is not None and there == asked else "a node has"
            problems[cost.phase.name] = f"{cost.phase.name}: a worker takes {peak / 1e9:.2f} GB; {whose} {there / 1e9:.2f} GB"
    if problems:
        raise ConfigError(*problems.values())


def placed(cost: PhaseCost, machine: Machine) -> PhasePrice:
    """How many workers a phase can have, and how long it takes with them."""
    needs, units = cost.phase.needs(), max(math.ceil(cost.units), 1)
    most = [needs.workers or units, units, machine.cpus // needs.cpus]
    most += [machine.gpus // needs.gpus] if needs.gpus else []
    workers = max(1, int(min(most)))
    return PhasePrice(cost.phase.name, cost.units, cost.cpu_s, workers, cost.clock_s / min(workers, units))


def most_workers(costs: Sequence[PhaseCost], workers: Mapping[str, int]) -> dict[str, int]:
    """For each step how many workers its phase has, of several phases the one with the most."""
    most: dict[str, int] = {}
    for cost in costs:
        for key in cost.steps:
            most[key] = max(most.get(key, 0), workers[cost.phase.name])
    return most
