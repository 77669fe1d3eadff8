"""Cuts a plan into phases: what lies between two steps whose results are kept or that must see all documents.

Kinds of phases, in the order a global step needs them:
    documents   units stream documents through local steps and store parts (Parquet) and blobs, with sketches of them
    sketch      sketches of stored documents, where fusing them would tie a checkpointed step's results to the sketch
    exchange    rows of sketches, side tables or earlier exchanges are sorted into ranges of keys, and those of equal keys meet
    verdicts    the result of the last exchange, sorted by the parts of documents that it is about
    scatter     the text rows of documents, sorted into ranges of the order in which sinks write them
    assign      units of ranges: which shard of a sink begins where
    write       units of shards
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from interloom.pipeline.planning.fingerprint import ENGINE_VERSION, digest
from interloom.pipeline.planning.plan import Plan, PlannedStep
from interloom.pipeline.planning.worker_needs import Needs
from interloom.pipeline.stage import Exchange, GlobalStage, Step

SKETCH = "sketch"
"""What an exchange calls the sketches that it reads."""
PhaseKind = Literal["documents", "sketch", "exchange", "verdicts", "scatter", "assign", "write"]


@dataclass(frozen=True, slots=True)
class Phase:
    """Units of one kind. `inputs` are the document phases it reads, `sketched` the phases that hold their sketches,
    `tables` the phase whose result it builds on, `sides` the phases whose side tables it may read, `exchanges` the exchanges of
    its global step that it reads or shares. `to_run` is how many units are left to run once all are known; 0 before."""

    name: str
    kind: PhaseKind
    fingerprint: str
    steps: tuple[PlannedStep, ...] = ()
    sketches: tuple[PlannedStep, ...] = ()
    inputs: tuple[str, ...] = ()
    sketched: tuple[str, ...] = ()
    tables: str = ""
    sides: tuple[str, ...] = ()
    exchanges: tuple[str, ...] = ()
    seed: int = 0
    own_code: str = ""
    to_run: int = 0
    writes_as: str = ""
    """What the mark in its sink's folder must say while its units write there."""

    @property
    def folder(self) -> str:
        """Where it keeps its units, relative to the run."""
        return f"work/{self.name}-{self.fingerprint}"

    def needs(self) -> Needs:
        """The most that any of its steps asks for one worker; the fewest workers that any of them allows. What the steps hold
        usually adds up, but for what any worker holds."""
        any_step = Step.memory_bytes
        return Needs(
            cpus=max((step.cpus for step in self.steps), default=1.0),
            gpus=max((step.gpus for step in self.steps), default=0.0),
            memory_bytes=max((step.memory_bytes for step in self.steps if step.memory_bytes), default=None),
            workers=self.most_workers,
            usual_bytes=any_step + sum(step.attributes.memory_bytes - any_step for step in (*self.steps, *self.sketches)),
        )

    @property
    def most_workers(self) -> int | None:
        """The fewest workers that any of its steps allows. Unlike `needs` it is told without the steps' code, which a worker has
        only once it has loaded the recipe's own."""
        return min((step.workers for step in self.steps if step.workers), default=None)

    @property
    def keeps_model(self) -> bool:
        """Whether its workers hold a model that they should load once."""
        return self.kind == "documents" and any(step.gpus or step.attributes.uses_gpu for step in self.steps)

    @property
    def awaits(self) -> frozenset[str]:
        """The phases that must be complete before its units are known. Those of `inputs` may still be at work, and of an exchange
        those that give it sketches and side tables. Verdicts count the parts of `inputs`, also if no exchange has read them."""
        whole = () if self.kind == "exchange" else (*self.sketched, *self.sides)
        whole += self.inputs if self.kind == "verdicts" else ()
        return frozenset(filter(None, (*whole, *self.exchanges, self.tables)))

    @property
    def side_tables(self) -> frozenset[str]:
        """The side tables that its stages read rows of, for the documents at hand."""
        return frozenset(name for step in self.steps if step.shape == "stage" for name in step.attributes.side_tables)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Phase:
        steps = {name: tuple(PlannedStep.from_json(step) for step in values[name]) for name in ("steps", "sketches")}
        names = {name: tuple(values.get(name, ())) for name in ("inputs", "sketched", "sides", "exchanges")}
        return cls(**{**values, **steps, **names})


@dataclass(slots=True)
class _Draft:
    """A document phase being put together."""

    steps: list[PlannedStep]
    inputs: list[_Draft]
    sketches: list[PlannedStep] = field(default_factory=list)

    @property
    def tail(self) -> PlannedStep:
        return self.steps[-1]

    def above(self) -> Iterator[_Draft]:
        """The drafts it comes from, nearest last, each once."""
        seen: list[_Draft] = []
        for draft in self.inputs:
            seen += [earlier for earlier in (*draft.above(), draft) if earlier not in seen]
        yield from seen


def cut(plan: Plan) -> tuple[Phase, ...]:
    """The plan's phases in an order in which each comes after those it reads."""
    drafts, sinks = _drafts(plan)
    phases: list[Phase] = []
    phase_of: dict[int, Phase] = {}
    for draft in drafts:
        tables = ""
        if draft.steps[0].shape == "global":
            tables = _decided(plan, draft, phase_of, phases)
        phase_of[id(draft)] = _documents(plan, draft, phase_of, tables)
        phases.append(phase_of[id(draft)])
    for sink, inputs in sinks:
        phases += [phase for phase in _written(plan, sink, inputs, phase_of) if phase not in phases]
    return tuple(replace(phase, own_code=plan.own_code) for phase in phases)


def _drafts(plan: Plan) -> tuple[list[_Draft], list[tuple[PlannedStep, list[_Draft]]]]:
    drafts: list[_Draft] = []
    sinks = []
    home: dict[str, _Draft] = {}
    for step in plan.steps:
        inputs = [home[key] for key in step.inputs]
        if step.shape == "global":
            for draft in inputs:
                _sketch(draft, step)
        if step.shape == "sink":
            sinks.append((step, inputs))
        elif _joins(plan, step, inputs):
            inputs[0].steps.append(step)
            home[step.key] = inputs[0]
        else:
            home[step.key] = _Draft([step], inputs)
            drafts.append(home[step.key])
    return drafts, sinks


def _joins(plan: Plan, step: PlannedStep, inputs: Sequence[_Draft]) -> bool:
    """Whether the step runs in its input's phase: its only reader, nothing kept in between, no GPU to wait for, and no side table
    that the steps above must have stored."""
    if step.shape != "stage" or len(inputs) != 1 or step.attributes.uses_gpu or step.attributes.side_tables:
        return False
    tail = inputs[0].tail
    return tail.key == step.inputs[0] and len(plan.readers(tail.key)) == 1 and not tail.checkpoint


def _sketch(draft: _Draft, step: PlannedStep) -> None:
    if not draft.tail.checkpoint and not step.build_as(GlobalStage).sketch_tables:
        draft.sketches.append(step)


def sketch_digest(plan_seed: int, step: PlannedStep) -> str:
    """Changes only with what the step's sketch depends on: its code, its files, and the parameters in `sketch_params`."""
    named = step.build_as(GlobalStage).sketch_params
    return digest(step.use, step.version, {name: step.parameters[name] for name in named}, plan_seed if "seed" in named else 0)


def _documents(plan: Plan, draft: _Draft, phase_of: dict[int, Phase], tables: str) -> Phase:
    sketches = [sketch_digest(plan.seed, step) for step in draft.sketches]
    above = [phase_of[id(above_draft)].fingerprint for above_draft in draft.inputs]
    return Phase(
        name=draft.steps[0].key,
        kind="documents",
        fingerprint=digest("documents", [step.fingerprint for step in draft.steps], sketches, above),
        steps=tuple(draft.steps),
        sketches=tuple(draft.sketches),
        inputs=tuple(phase_of[id(above_draft)].name for above_draft in draft.inputs),
        tables=tables,
        seed=plan.seed,
    )


def _sketched(plan: Plan, step: PlannedStep, inputs: Sequence[_Draft], phase_of: dict[int, Phase]) -> Iterator[Phase]:
    """The phases that hold the sketches for `step`: the inputs themselves, or sketch phases over them."""
    for draft in inputs:
        phase = phase_of[id(draft)]
        if step in draft.sketches:
            yield phase
            continue
        name = f"{step.key}.sketch" if len(inputs) == 1 else f"{step.key}.sketch.{phase.name}"
        mark = digest("sketch", sketch_digest(plan.seed, step), phase.fingerprint)
        yield Phase(name, "sketch", mark, sketches=(step,), inputs=(phase.name,), seed=plan.seed)


def _decided(plan: Plan, draft: _Draft, phase_of: dict[int, Phase], phases: list[Phase]) -> str:
    """Adds the phases for the sketches, the exchanges and the verdicts of the draft's first step; the name of the last."""
    step = draft.steps[0]
    sketched = list(_sketched(plan, step, draft.inputs, phase_of))
    from_above = [phase_of[id(exchange)].fingerprint for exchange in draft.inputs]
    inputs = tuple(phase_of[id(exchange)].name for exchange in draft.inputs)
    above = tuple(phase_of[id(exchange)].name for exchange in draft.above())
    exchanges: dict[str, Phase] = {}
    for exchange in step.build_as(GlobalStage).exchanges():
        read = (*(sketched if SKETCH in exchange.reads or exchange.joins_parts else ()),)
        built_on = [exchanges[name] for name in (*exchange.reads, *exchange.shared) if name in exchanges]
        exchanges[exchange.name] = Phase(
            name=f"{step.key}.{exchange.name}",
            kind="exchange",
            fingerprint=_exchange_digest(step, exchange, [phase.fingerprint for phase in (*read, *built_on)], from_above),
            steps=(step,),
            inputs=inputs,
            sketched=tuple(phase.name for phase in read),
            sides=above if {*exchange.reads} - {SKETCH, *exchanges} else (),
            exchanges=tuple(phase.name for phase in built_on),
            seed=plan.seed,
        )
    last = exchanges[step.build_as(GlobalStage).verdicts_of or list(exchanges)[-1]]
    mark = digest("verdicts", last.fingerprint, from_above)
    verdicts = Phase(f"{step.key}.verdicts", "verdicts", mark, (step,), (), inputs, exchanges=(last.name,), seed=plan.seed)
    phases += [*(phase for phase in sketched if phase.kind == "sketch"), *exchanges.values(), verdicts]
    return verdicts.name


def _exchange_digest(step: PlannedStep, exchange: Exchange, read: Sequence[str], above: Sequence[str]) -> str:
    """Changes with the exchange's own parameters and with the phases that it reads, or with all that counts for the step."""
    if exchange.params is None:
        return digest("exchange", exchange.name, step.fingerprint, above)
    own = {name: step.parameters[name] for name in exchange.params}
    return digest("exchange", exchange.name, step.use, step.version, own, read, above)


def _written(plan: Plan, sink: PlannedStep, inputs: Sequence[_Draft], phase_of: dict[int, Phase]) -> list[Phase]:
    """The phases of a sink. Sinks of the same documents share the first one."""
    names, above = tuple(phase_of[id(input_)].name for input_ in inputs), [phase_of[id(input_)].fingerprint for input_ in inputs]
    scattered = digest("scatter with packed places", ENGINE_VERSION, plan.seed, above)
    scatter = Phase(f"{'.'.join(names)}.scatter", "scatter", scattered, inputs=names, seed=plan.seed)
    mark = digest("write", sink.fingerprint, plan.seed, above)
    assign = Phase(f"{sink.key}.assign", "assign", mark, (sink,), (), names, tables=scatter.name, seed=plan.seed)
    write = Phase(f"{sink.key}.write", "write", mark, (sink,), (), names, (scatter.name,), assign.name, seed=plan.seed)
    return [scatter, assign, write]
