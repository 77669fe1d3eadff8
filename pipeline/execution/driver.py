"""Executes a plan: phase after phase, units not yet committed, the books after each, the manifests last.

Stateless: everything needed to go on lies in the run's folder, so that the same command resumes after any end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from interloom.pipeline.errors import FatalError
from interloom.pipeline.execution import balance
from interloom.pipeline.execution.balance import Book
from interloom.pipeline.execution.units import UNITS, FinishedPhases, Unit, enumerate_units
from interloom.pipeline.planning import own_code
from interloom.pipeline.planning.phases import Phase, cut
from interloom.pipeline.planning.plan import Plan
from interloom.pipeline.store import commits, manifest, storage
from interloom.pipeline.store.commits import Commit, FailedUnit
from interloom.pipeline.store.parts import write_json

_ENOUGH_TO_JUDGE = 1000  # documents; the share of quarantined ones is judged from then on, and at the end of a phase


class Runner(Protocol):
    """Decides where units run. `run` yields what became of each unit as it ends, in any order."""

    name: str

    def run(self, run: str, phase: Phase, units: Sequence[Unit]) -> Iterator[Commit | FailedUnit]: ...


@dataclass(frozen=True, slots=True)
class Progress:
    """Reported after every unit: the phase, units done of all, how many of them an earlier run did, documents so far."""

    phase: str
    done: int
    units: int
    resumed: int
    documents: int


ReportProgress = Callable[[Progress], None]


def execute(plan: Plan, runner: Runner, recipe_text: str = "", report: ReportProgress = lambda progress: None) -> FinishedPhases:
    """Runs what is not done yet. `recipe_text` is kept in the run's folder for people; `report` is called after every unit.

    Raises FatalError when a unit fails for good, the books do not balance, or too much is quarantined; what is committed stays.
    """
    phases = cut(plan)
    write_json(storage.join(plan.run, "plan.json"), {"plan": plan.to_json(), "phases": [phase.to_json() for phase in phases]})
    if recipe_text:
        storage.write(storage.join(plan.run, "recipe.yaml"), recipe_text.encode())
    own_code.store(plan.run, plan.own_code)
    finished = FinishedPhases(plan.run, {})
    for phase in phases:
        _PhaseRun(plan, phase, report).run(runner, finished)
    check_books(phases, finished)
    books = balance.total(commit.books for name in finished.phases for commit in finished.commits(name))
    for phase in phases:
        if phase.kind == "write":
            manifest.finish(plan, phase, finished.commits(phase.name), books)
    return finished


class _PhaseRun:
    """One phase of a run: its books so far, and the report of its progress."""

    def __init__(self, plan: Plan, phase: Phase, report: ReportProgress) -> None:
        self._plan, self._phase, self._report = plan, phase, report
        self._books: dict[str, Book] = {}

    def run(self, runner: Runner, finished: FinishedPhases) -> None:
        """Runs the units that have no commit, and adds the phase to what is finished. Raises FatalError."""
        units = enumerate_units(self._phase, finished)
        self._begin(units)
        committed = commits.committed(self._plan.run, self._phase)
        done = {unit.id: committed[unit.id] for unit in units if unit.id in committed}
        resumed, missing = len(done), [unit for unit in units if unit.id not in done]
        failed: list[FailedUnit] = []
        for commit in done.values():
            balance.add(self._books, commit.books)
        self._report(self._progress(resumed, len(units), resumed))
        for outcome in runner.run(self._plan.run, self._phase, missing) if missing else ():
            if isinstance(outcome, FailedUnit):
                failed.append(outcome)
                continue
            done[outcome.unit] = outcome
            balance.add(self._books, outcome.books)
            self._report(self._progress(len(done), len(units), resumed))
            if self._documents() >= _ENOUGH_TO_JUDGE:
                self._check_error_rate()
        if failed:
            of_all = f"{len(failed)} of {len(units)} units of {self._phase.name} failed"
            raise FatalError(f"{of_all}; the first: {failed[0].message}")
        self._check_error_rate()
        finished.add(self._phase, units, done)

    def _begin(self, units: Sequence[Unit]) -> None:
        ids = [unit.id for unit in units]
        write_json(storage.join(self._plan.run, self._phase.folder, UNITS), ids)
        if self._phase.kind == "write":
            manifest.begin(self._plan, self._phase, ids)

    def _progress(self, done: int, units: int, resumed: int) -> Progress:
        return Progress(self._phase.name, done, units, resumed, self._documents())

    def _documents(self) -> int:
        """How many documents went into the first step of the phase."""
        first = self._books.get(self._phase.steps[0].key) if self._phase.steps else None
        return first.documents.into if first else 0

    def _check_error_rate(self) -> None:
        allowed = self._plan.max_error_rate
        for key, book in self._books.items():
            for name, account in (("documents", book.documents), ("images", book.images)):
                share = account.quarantined / max(account.seen, 1)
                if share > allowed:
                    raise FatalError(
                        f"{key} quarantined {account.quarantined} of {account.seen} {name} ({share:.1%}, allowed {allowed:.1%}); "
                        f"`interloom why` shows the errors; raise max_error_rate to accept them"
                    )


def check_books(phases: Sequence[Phase], finished: FinishedPhases) -> None:
    """Every step's accounts balance, and what one phase stored is what the next one read. Raises FatalError."""
    wrong = []
    books = {name: balance.total(commit.books for commit in finished.commits(name)) for name in finished.phases}
    for phase in phases:
        wrong += [f"{key}: {book.imbalance()}" for key, book in books[phase.name].items() if book.imbalance()]
        if phase.kind in ("documents", "write"):
            wrong += _between_phases(phase, books[phase.name], finished)
            wrong += _between_steps(phase, books[phase.name])
    if wrong:
        raise FatalError("the books do not balance: " + "; ".join(wrong))


def _between_phases(phase: Phase, books: Mapping[str, Book], finished: FinishedPhases) -> Iterator[str]:
    """Documents stored by the phases above against documents read; documents that came out against documents stored."""
    first, last = (books.get(step.key, Book()) for step in (phase.steps[0], phase.steps[-1]))
    if phase.inputs:
        stored = sum(file.rows for file in finished.files(phase.inputs, "documents"))
        if first.documents.into != stored:
            yield f"{phase.steps[0].key}: {stored} documents stored above, {first.documents.into} read"
    if phase.kind == "documents":
        stored = sum(file.rows for file in finished.files([phase.name], "documents"))
        if last.documents.out != stored:
            yield f"{phase.name}: {last.documents.out} documents out, {stored} stored"


def _between_steps(phase: Phase, books: Mapping[str, Book]) -> Iterator[str]:
    """What came out of each step against what went into the next one."""
    chain = [books.get(step.key, Book()) for step in phase.steps]
    for above, below, step in zip(chain, chain[1:], phase.steps[1:], strict=False):
        if above.documents.out != below.documents.into or above.images.out != below.images.into:
            came = f"{above.documents.out} documents and {above.images.out} images came"
            yield f"{step.key}: {came}, {below.documents.into} and {below.images.into} were taken"


def summary(finished: FinishedPhases) -> dict[str, Book]:
    """Books by step over the whole run, in the order of the steps."""
    totals = balance.total(commit.books for name in finished.phases for commit in finished.commits(name))
    keys = (step.key for phase, _ in finished.phases.values() for step in phase.steps)
    return {key: totals[key] for key in dict.fromkeys(keys) if key in totals}
