"""What a sample told, and what a phase of the whole run takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from interloom.pipeline.execution.kinds import exchange
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.pricing.files import EXCHANGE
from interloom.pipeline.pricing.fit import Amounts
from interloom.pipeline.pricing.measure import Does, Measured, Work
from interloom.pipeline.pricing.sample import SourceSample
from interloom.pipeline.store.parts import PART_DOCUMENTS


@dataclass(frozen=True, slots=True)
class Sample:
    """What a sample told: its sources, a run of a small part of it and of all of it, with steps that had started before."""

    sources: Mapping[str, SourceSample]
    small: Measured
    large: Measured
    by_bytes: Mapping[str, float]
    """Steps whose work grows with bytes rather than with documents, and what their cost is to be multiplied by for that."""


@dataclass(frozen=True, slots=True)
class PhaseCost:
    """What a phase of the whole run takes: by step, and how much of it its units take by the clock."""

    phase: Phase
    does: Does
    units: float
    steps: Mapping[str, Amounts]
    clock_per_cpu: float
    more_bytes: float
    """How many more stored bytes a unit holds at once than those of the sample, for their rows."""

    @property
    def cpu_s(self) -> float:
        return sum(amounts["cpu_s"] for amounts in self.steps.values())

    @property
    def clock_s(self) -> float:
        """Seconds of all its units, one after the other."""
        return self.cpu_s * self.clock_per_cpu


def more_bytes(work: Work, rows: float) -> float:
    """Stored bytes of the rows that a unit with so many rows holds, beyond those of the largest unit of the sample. Documents are
    held in parts, other rows in packs."""
    largest, sampled = max((seen.rows for seen in work.units), default=0.0), work.rows
    bytes_of = {kind: files.bytes for kind, files in work.stored().items() if kind not in ("blob", "shards")}
    stored = sum(bytes_of.values())
    if not sampled or not stored:
        return 0.0
    most = exchange.MEET_BYTES / (stored / sampled) if bytes_of.keys() & {EXCHANGE, "rows"} else float(PART_DOCUMENTS)
    return stored / sampled * max(min(rows, most) - min(largest, most), 0.0)


def clock_per_cpu(work: Work) -> float:
    """Seconds by the clock for each second of CPU time, which may be less with several threads."""
    return work.seconds / work.whole.cpu_s if work.whole.cpu_s else 1.0
