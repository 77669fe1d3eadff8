"""`plan --sample`: runs a sample of a recipe's documents and prints what the whole run will take."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click
from rich.table import Table

from interloom.jobs._keeps import check_children, shares_kept
from interloom.jobs._price_notes import notes, of_sample
from interloom.jobs._progress import duration
from interloom.jobs._show import clean
from interloom.jobs._tables import print_table
from interloom.pipeline.execution import resources
from interloom.pipeline.planning.plan import Plan
from interloom.pipeline.pricing import price as pricing
from interloom.pipeline.pricing.advice import advise
from interloom.pipeline.pricing.orders import Move
from interloom.pipeline.pricing.placing import Machine
from interloom.pipeline.pricing.price import Price, StepPrice
from interloom.pipeline.pricing.rates import Rates, read_rates
from interloom.pipeline.pricing.runs import run_sample

_HOUR = 3600


@dataclass(frozen=True, slots=True)
class Asked:
    """How a plan is to be priced: documents of the sample, the cluster (None: this machine), rates, shares that steps keep."""

    sample: int
    cpus: float | None = None
    gpus: float | None = None
    memory_gb: float | None = None
    rates: str | None = None
    keeps: Sequence[str] = ()
    as_json: bool = False


def show(plan: Plan, asked: Asked) -> None:
    """Prints the price of the whole run, or JSON. Raises ConfigError for rates or shares that make no sense and for what does not
    fit, FatalError if the sample fails."""
    rates = read_rates(asked.rates) if asked.rates else None
    keeps = shares_kept(plan, asked.keeps)
    here = resources.here()
    memory = asked.memory_gb * 1e9 if asked.memory_gb else resources.memory_bytes() if asked.cpus is None else float("inf")
    machine = Machine(asked.cpus or here.cpus, here.gpus if asked.gpus is None else asked.gpus, memory)
    runs = run_sample(plan, asked.sample)
    check_children(keeps, runs.sample.large.books)
    price = pricing.price(plan, runs, machine, here.gpus > 0, keeps)
    moves = advise(plan, price, runs.sample.large.books, keeps)
    if asked.as_json:
        advice = [{"step": move.key, "before": move.before, "saves_s": round(move.saves_s, 3)} for move in moves]
        click.echo(
            json.dumps(to_json(price, machine, rates) | of_sample(plan, runs.sample) | {"order": advice}, ensure_ascii=False)
        )
        return
    print_table(_table(price))
    for line in (*notes(plan, price, runs.sample, keeps), *_order(price, moves), *_totals(price, machine, rates)):
        click.echo(clean(line))


def _table(price: Price) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("step")
    for name in ("docs in", "out", "measured", "CPU s", "GPU s", "MB read", "written", "gets", "puts", "lists", "peak MB"):
        table.add_column(name, justify="right")
    for step in price.steps:
        table.add_row(*_row(step))
    for name, amounts in (("start of workers", price.workers), ("driver", price.driver)):
        table.add_row(name, "", "", "", f"{amounts['cpu_s']:,.1f}", "", *_traffic(amounts), "")
    return table


def _row(step: StepPrice) -> list[str]:
    documents = [f"{step.flow.into:,.0f}", f"{step.flow.out:,.0f}", f"{step.flow.sampled:,}"]
    gpu_s = "?" if step.gpu_s is None else f"{step.gpu_s:,.1f}" if step.gpu_s else ""
    return [
        step.key,
        *documents,
        f"{step.amounts['cpu_s']:,.1f}",
        gpu_s,
        *_traffic(step.amounts),
        f"{step.peak_bytes / 1e6:,.0f}",
    ]


def _traffic(amounts: Mapping[str, float]) -> list[str]:
    megabytes = [f"{amounts[name] / 1e6:,.1f}" for name in ("read_bytes", "written_bytes")]
    return megabytes + [f"{amounts[name]:,.0f}" for name in ("gets", "puts", "lists")]


def _order(price: Price, moves: Sequence[Move]) -> Iterator[str]:
    unit = "CPU-hours" if price.gpu_s == 0 else "hours of CPUs and GPUs"
    then = ""
    for move in moves:
        yield f"{then}{move.key} before {move.before} would save {move.saves_s / _HOUR:,.3g} {unit}"
        then = "then "


def _totals(price: Price, machine: Machine, rates: Rates | None) -> Iterator[str]:
    total = price.total
    gpu = "" if price.gpu_s == 0 else f", GPU-hours: {'?' if price.gpu_s is None else f'{price.gpu_s / _HOUR:,.2f}'}"
    yield f"CPU-hours: {total['cpu_s'] / _HOUR:,.3f}{gpu}"
    moved = f"{total['read_bytes'] / 1e9:,.2f} GB read, {total['written_bytes'] / 1e9:,.2f} GB written"
    yield f"{moved}; {total['gets']:,.0f} gets, {total['puts']:,.0f} puts, {total['lists']:,.0f} lists of an object store"
    gpus = f" and {machine.gpus:g} GPUs" if price.gpu_s != 0 else ""
    yield f"about {duration(price.clock_s)} by the clock with {machine.cpus:g} CPUs{gpus}, as busy as this machine was"
    if rates is not None:
        parts = [f"{name.replace('_', ' ')} {amount:,.4g}" for name, amount in rates.parts(total, price.gpu_s).items()]
        without = " without GPUs" if price.gpu_s is None else ""
        yield f"dollars: {rates.total(total, price.gpu_s):,.4g}{without} ({', '.join(parts)})"


def to_json(price: Price, machine: Machine, rates: Rates | None) -> dict[str, Any]:
    """The price for machines: bytes, seconds and requests as numbers."""
    steps = [
        {
            "step": step.key,
            "documents": {"in": round(step.flow.into), "out": round(step.flow.out), "measured": step.flow.sampled},
            **_rounded(step.amounts),
            "gpu_s": step.gpu_s,
            "start_s_per_worker": round(step.start_s, 3),
            "workers": step.workers,
            "peak_bytes": round(step.peak_bytes),
        }
        for step in price.steps
    ]
    phases = [
        {"phase": phase.name, "units": round(phase.units), "workers": phase.workers, "clock_s": round(phase.clock_s, 3)}
        for phase in price.phases
    ]
    total = {**_rounded(price.total), "gpu_s": price.gpu_s, "clock_s": round(price.clock_s, 1)}
    dollars = {} if rates is None else {"dollars": rates.parts(price.total, price.gpu_s)}
    splits = {key: {"read": read, "of": all_} for key, (read, all_) in price.splits.items()}
    rest = {"start_of_workers": _rounded(price.workers), "driver": _rounded(price.driver)}
    return {
        "cpus": machine.cpus,
        "gpus": machine.gpus,
        "splits": splits,
        "steps": steps,
        **rest,
        "phases": phases,
        "total": total,
    } | dollars


def _rounded(amounts: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 3) if name == "cpu_s" else round(value) for name, value in amounts.items()}
