"""Where the data of a run's sink lie now, whatever folder the reader is in."""

from __future__ import annotations

from collections.abc import Sequence

from interloom.pipeline.planning import own_code
from interloom.pipeline.planning.fingerprint import digest
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.stage import Sink
from interloom.pipeline.store import run_reader, targets
from interloom.pipeline.store.shards import sink_folder


def located(run: str, phase: Phase, units: list[str]) -> str:
    """The folder with the data that a phase writes if it has these units: that of the run's note, seen from the run or as it was,
    or what the recipe says, seen from here; of these the first that holds any of them."""
    own_code.load(run, phase.own_code)
    step, fingerprint = phase.steps[0], fingerprint_of(phase, units)
    sink = step.build_as(Sink)
    given = sink_folder(run, step.key, sink)
    if not sink.to:
        return given
    places = [*targets.noted_places(run, fingerprint), given]
    return next((place for place in places if targets.holds_some(run, place, fingerprint)), places[0])


def fingerprint_of(phase: Phase, units: Sequence[str]) -> str:
    """What the manifest of a sink says if its phase has these units."""
    return digest(phase.fingerprint, list(units))


def by_step(run: str) -> dict[str, str]:
    """The folders of the run's sinks by the step that writes them."""
    sinks = [phase for phase in run_reader.phases(run) if phase.kind == "write"]
    return {phase.steps[0].key: located(run, phase, run_reader.units(run, phase) or []) for phase in sinks}
