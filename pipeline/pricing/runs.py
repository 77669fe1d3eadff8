"""Runs a sample of a recipe: a small part of it before anything has started, then that part and all of it, several times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from interloom.pipeline.execution.kinds import documents
from interloom.pipeline.planning.phases import cut
from interloom.pipeline.planning.plan import Plan
from interloom.pipeline.pricing.costs import Sample
from interloom.pipeline.pricing.measure import Measured, Seen, measure, together
from interloom.pipeline.pricing.sample import Chosen, SourceSample, choose, sampled
from interloom.pipeline.temporary import temporary_folder

_ENOUGH_UNITS = 4
"""From so many units of a sample on, it is asked whether the work of a step grows with bytes. Our choice."""
_REPEATS = 3
"""A sample is run so often, because the CPU time of the same work differs from run to run, and the median of three leaves out one
that something disturbed; once if it asks web sites, which
need not answer twice for that. Our choice."""


@dataclass(frozen=True, slots=True)
class Runs:
    """A small sample before anything had started, the same again, and all of the sample."""

    cold: Measured
    sample: Sample


def run_sample(plan: Plan, wanted: int) -> Runs:
    """Chooses a sample of about so many documents and runs it in temporary folders. Raises FatalError if it fails."""
    sources = choose(plan, wanted)
    small = {key: source.small() for key, source in sources.items()}
    measured = []
    for samples in (small, *(small, sources) * repeats(plan)):
        with temporary_folder("plan") as folder:
            measured.append(measure(sampled(plan, samples, folder)))
    warm, large = together(measured[1::2]), together(measured[2::2])
    return Runs(measured[0], Sample(sources, warm, large, _by_bytes(plan, sources, large)))


def repeats(plan: Plan) -> int:
    """How often the sample is run when everything has started."""
    return 1 if asks_web_sites(plan) else _REPEATS


def asks_web_sites(plan: Plan) -> list[str]:
    """Steps whose workers share limits of web sites: what they fetch does not come from a store."""
    return [step.key for step in plan.steps if step.build().most_workers() is not None]


def _by_bytes(plan: Plan, sources: Mapping[str, SourceSample], large: Measured) -> dict[str, float]:
    """Steps behind a source whose work in its units follows bytes more closely than documents; and how many times as many bytes
    the documents of the source have as those that were chosen."""
    bytes_of: dict[str, float] = {}
    for phase in cut(sampled(plan, sources, plan.run)):
        if source := sources.get(phase.steps[0].key if phase.steps else ""):
            chosen = {documents.Unit(split=each.split).identified(phase).id: each for each in source.chosen}
            units = [(seen, chosen[seen.unit]) for seen in large.work(phase.name).units if chosen[seen.unit].documents]
            more = _more_bytes(source)
            bytes_of |= {step.key: more for step in phase.steps[1:] if follows_bytes(_work(units, step.key))}
    return bytes_of


def _more_bytes(source: SourceSample) -> float:
    """The bytes of an average record of what was looked at, divided by those of one that was chosen."""
    records, bytes_ = sum(each.records for each in source.chosen), sum(each.records_bytes for each in source.chosen)
    chosen, chosen_bytes = sum(len(each.ids) for each in source.chosen), sum(each.bytes for each in source.chosen)
    return (bytes_ / records) / (chosen_bytes / chosen) if records and chosen_bytes and chosen else 1.0


def _work(units: Sequence[tuple[Seen, Chosen]], key: str) -> list[tuple[float, float, float]]:
    """Documents, bytes and CPU seconds of a step in each unit."""
    works = []
    for seen, chosen in units:
        if key in seen.steps and seen.documents.get(key):
            count = seen.documents[key]
            works.append((float(count), count * chosen.bytes / chosen.documents, seen.steps[key].cpu_s))
    return works


def follows_bytes(units: Sequence[tuple[float, float, float]]) -> bool:
    """Whether the bytes of units predict their seconds better than their documents do, each unit from the others."""
    if len(units) < _ENOUGH_UNITS:
        return False
    by_documents, by_bytes = (_error([(unit[n], unit[2]) for unit in units]) for n in (0, 1))
    return by_bytes < by_documents


def _error(units: Sequence[tuple[float, float]]) -> float:
    sizes, seconds = sum(size for size, _ in units), sum(took for _, took in units)
    return sum(abs(took - size * (seconds - took) / max(sizes - size, 1e-9)) for size, took in units)
