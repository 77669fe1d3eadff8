"""Rounds of a global step that iterates: each takes all that the round before found, until nothing changes.

All rounds are units of one phase. Those of the next round become known when all of this round are committed, so that a run that
was killed goes on with the round in which it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from interloom.pipeline.errors import FatalError
from interloom.pipeline.execution import units as any_units
from interloom.pipeline.execution.step import Record
from interloom.pipeline.execution.units import FinishedPhases, share_tables, shared_tables
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.stage import GlobalStage
from interloom.pipeline.store.commits import Commit, files_of
from interloom.pipeline.store.parts import StoredFile, TableRef, UnitFolder
from interloom.pipeline.store.tables import StoredRows


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit(any_units.Unit):
    """Share `number` of `of` in round `round`; `tables` is the path of the list of what the round before found."""

    round: int
    number: int
    of: int
    tables: str


def units(phase: Phase, finished: FinishedPhases) -> Iterator[Unit | None]:
    """As many units a round as the scan has, round after round, until one changes nothing. Raises FatalError after too many."""
    step = phase.steps[0].build_as(GlobalStage)
    files = finished.files([phase.tables], "findings")
    of, round_, changed = len(files), 0, 1
    while changed and of:
        if round_ >= step.most_rounds:
            raise FatalError(
                f"{phase.steps[0].use} did not settle in {step.most_rounds} rounds; the last one changed {changed} rows"
            )
        tables = share_tables(phase, finished, {"findings": TableRef.of(files)})
        for number in range(of):
            yield Unit(round=round_, number=number, of=of, tables=tables).identified(phase)
        while (commits := _round(phase, finished, round_)) is None or len(commits) < of:
            yield None
        files = list(files_of(commits, "findings"))
        changed, round_ = sum(commit.result["changed"] for commit in commits), round_ + 1


def _round(phase: Phase, finished: FinishedPhases, number: int) -> Sequence[Commit] | None:
    results = finished.phases.get(phase.name)
    return None if results is None else [commit for commit in results.commits if commit.result["round"] == number]


def last_findings(phase: str, finished: FinishedPhases) -> list[StoredFile]:
    """What the last round found; of a step without rounds, what its scans found."""
    commits = finished.commits(phase)
    last = max((commit.result.get("round", 0) for commit in commits), default=0)
    return list(files_of((commit for commit in commits if commit.result.get("round", 0) == last), "findings"))


def run(phase: Phase, unit: Unit, folder: UnitFolder, record: Record) -> Mapping[str, Any]:
    """Stores what the step finds in its share. The result says in which round, and how many rows changed."""
    findings = StoredRows(folder.run, shared_tables(folder.run, unit.tables)["findings"], have_part=True)
    table, changed = phase.steps[0].build_as(GlobalStage).iterate(unit.number, unit.of, findings)
    folder.store_table("findings", "findings.parquet", table)
    return {"round": unit.round, "changed": changed}
