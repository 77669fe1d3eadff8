"""The reference: every unit in this process, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from interloom.pipeline.commits import Commit
from interloom.pipeline.phases import Phase
from interloom.pipeline.units import Unit
from interloom.pipeline.work import run_unit


class LocalRunner:
    """Runs units here, in order."""

    name = "local"

    def run(self, run: str, phase: Phase, units: Sequence[Unit]) -> Iterator[Commit]:
        for unit in units:
            yield run_unit(run, phase, unit)
