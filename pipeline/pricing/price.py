"""What a whole run will take: its steps and phases, in CPU seconds, bytes, requests, memory, and hours by the clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from interloom.pipeline.planning.phases import Phase, cut
from interloom.pipeline.planning.plan import Plan
from interloom.pipeline.pricing import placing
from interloom.pipeline.pricing.costs import PhaseCost, Sample
from interloom.pipeline.pricing.extrapolate import Extrapolation
from interloom.pipeline.pricing.fit import METRICS, Amounts, added, amounts_of, scaled
from interloom.pipeline.pricing.flow import Flow, flows
from interloom.pipeline.pricing.measure import start_of_a_worker
from interloom.pipeline.pricing.placing import Machine, PhasePrice
from interloom.pipeline.pricing.runs import Runs


@dataclass(frozen=True, slots=True)
class StepPrice:
    """A step of the whole run: its documents, what it takes, and `start_s` CPU seconds once for each of its `workers`, which
    hold up to `peak_bytes` each. `gpu_s` is None where it is not known."""

    key: str
    flow: Flow
    amounts: Amounts
    gpu_s: float | None
    start_s: float
    workers: int
    peak_bytes: float


@dataclass(frozen=True, slots=True)
class Price:
    """What a whole run takes. `driver` is the work of the driver, `workers` the start of processes."""

    steps: tuple[StepPrice, ...]
    phases: tuple[PhasePrice, ...]
    driver: Amounts
    workers: Amounts
    splits: Mapping[str, tuple[int, int]]
    """Of each source: splits that were looked into, and all."""

    @property
    def total(self) -> Amounts:
        return added(*(step.amounts for step in self.steps), self.driver, self.workers)

    @property
    def gpu_s(self) -> float | None:
        known = [step.gpu_s for step in self.steps]
        return None if None in known else sum(filter(None, known))

    @property
    def clock_s(self) -> float:
        """The phases one after the other."""
        return sum(phase.clock_s for phase in self.phases)


def price(plan: Plan, runs: Runs, machine: Machine, has_gpu: bool, keeps: Mapping[str, float]) -> Price:
    """What the whole run takes on a machine or cluster. `has_gpu` says whether the sample had GPUs; `keeps` are the shares that
    steps let through, where the sample is not to be believed. Raises ConfigError if a worker does not fit."""
    sample, phases = runs.sample, cut(plan)
    records = {key: source.records for key, source in sample.sources.items()}
    flow_of = flows(plan, sample.large.books, records, keeps)
    costs = list(Extrapolation(phases, sample, flow_of).costs())
    peaks = placing.peaks(runs, costs)
    placing.check_memory(costs, peaks, machine)
    starts = placing.starts(runs, costs)
    placed = tuple(placing.placed(cost, machine) for cost in costs)
    workers = placing.most_workers(costs, {phase.name: phase.workers for phase in placed})
    begun = {key: (starts.get(key, 0.0), workers.get(key, 1)) for key in flow_of}
    steps = tuple(_step(step.key, flow_of[step.key], costs, peaks, (begun[step.key], has_gpu)) for step in plan.steps)
    splits = {key: (len(source.chosen), source.splits) for key, source in sample.sources.items()}
    return Price(steps, placed, _driver(sample, costs), _begun(phases, placed, costs, starts), splits)


def _begun(
    phases: Sequence[Phase], placed: Sequence[PhasePrice], costs: Sequence[PhaseCost], starts: Mapping[str, float]
) -> Amounts:
    """The start of workers: processes that any phase uses, those of phases that keep a model, and what steps load in each."""
    workers = {phase.name: phase.workers for phase in placed}
    processes = max(workers.values(), default=1) + sum(workers[phase.name] for phase in phases if phase.keeps_model)
    loading_s = sum(starts[key] * count for key, count in placing.most_workers(costs, workers).items())
    uses = dict.fromkeys(step.use for phase in phases for step in (*phase.steps, *phase.sketches))
    return added(scaled(amounts_of(start_of_a_worker(uses)), processes), {"cpu_s": loading_s})


def _step(
    key: str, flow: Flow, costs: Sequence[PhaseCost], peaks: Mapping[str, float], more: tuple[tuple[float, int], bool]
) -> StepPrice:
    begun, has_gpu = more
    own = [cost for cost in costs if key in cost.steps]
    gpu_s = sum(_gpus(cost, key) * cost.steps[key]["cpu_s"] * cost.clock_per_cpu for cost in own)
    amounts = added(*(cost.steps[key] for cost in own))
    peak = max((peaks[cost.phase.name] for cost in own), default=0.0)
    return StepPrice(key, flow, amounts, gpu_s if has_gpu or not gpu_s else None, *begun, peak)


def _gpus(cost: PhaseCost, key: str) -> float:
    """A worker of a phase holds its GPUs during all of its steps."""
    return cost.phase.needs().gpus if key in {step.key for step in cost.phase.steps} else 0.0


def _driver(sample: Sample, costs: Sequence[PhaseCost]) -> Amounts:
    """The driver's own work: what it does in any run, and for each unit, with the commit of the unit."""
    runs = [(run.units, run.driver) for run in (sample.small, sample.large)]
    (few, little), (many, much) = runs
    units = sum(cost.units for cost in costs)
    each = {name: max(getattr(much, name) - getattr(little, name), 0) / max(many - few, 1) for name in METRICS}
    amounts = {name: getattr(much, name) + each[name] * max(units - many, 0) for name in METRICS}
    return amounts | {"puts": amounts["puts"] + units}
