"""The reference: every unit in this process, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from interloom.pipeline.execution.run_unit import run_unit
from interloom.pipeline.execution.units import Unit
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.store.commits import Commit, FailedUnit


class LocalRunner:
    """Runs units here, in order."""

    name = "local"

    def run(self, run: str, phase: Phase, units: Sequence[Unit]) -> Iterator[Commit | FailedUnit]:
        for unit in units:
            yield run_unit(run, phase, unit)
