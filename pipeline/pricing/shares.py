"""Which step what a phase uses belongs to: what its steps use themselves, and the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.pricing.fit import METRICS, Amounts, added
from interloom.pipeline.pricing.measure import Measured

_READS = ("gets", "lists", "read_bytes")


def owner(phase: Phase, phases: Sequence[Phase]) -> str:
    """The step that a phase is for which documents do not go through: a global step, or a sink (of several the first)."""
    if phase.kind == "scatter":
        phase = next(other for other in phases if other.kind == "write" and phase.name in other.sketched)
    return (phase.steps or phase.sketches)[0].key


def with_rest(phase: Phase, steps: Mapping[str, Amounts], rest: Mapping[str, float]) -> dict[str, Amounts]:
    """What a phase of documents uses, by step: its first step reads what phases above stored, its last step stores."""
    first, last = phase.steps[0].key, phase.steps[-1].key
    reads = {name: rest[name] if name in _READS else 0.0 for name in METRICS}
    stores = {name: rest[name] - reads[name] for name in METRICS}
    shares = dict(steps)
    shares[first] = added(shares.get(first, {}), reads)
    shares[last] = added(shares.get(last, {}), stores)
    return shares


def by_step(phases: Sequence[Phase], measured: Measured) -> dict[str, Amounts]:
    """What was measured, by step."""
    totals: dict[str, Amounts] = {}
    for phase in phases:
        for (name, _), work in measured.works.items():
            if name != phase.name:
                continue
            if phase.kind == "documents":
                shares = with_rest(phase, work.steps(), work.rest())
            else:
                shares = {owner(phase, phases): added(work.rest(), *work.steps().values())}
            for key, amounts in shares.items():
                totals[key] = added(totals.get(key, {}), amounts)
    return totals
