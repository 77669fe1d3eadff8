"""One phase of a run: its units as they become known, what became of them, and its books so far."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from interloom.pipeline.errors import FatalError
from interloom.pipeline.execution import balance
from interloom.pipeline.execution.balance import Books
from interloom.pipeline.execution.units import FinishedPhases, PhaseResults, Unit, follow_units
from interloom.pipeline.execution.used import Used
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.planning.plan import Plan
from interloom.pipeline.store import commits, manifest, storage
from interloom.pipeline.store import finished as finished_note
from interloom.pipeline.store.commits import BrokenCommit, Commit, FailedUnit
from interloom.pipeline.store.manifest import Owned
from interloom.pipeline.store.parts import UNITS, encoded

_ENOUGH_TO_JUDGE = 1000  # documents; the share of quarantined ones is judged from then on, and at the end of a phase
_END = Unit(id="end")
_NO_BOOKS: Books = {}
_NOTHING: Mapping[str, Used] = {}


class Runner(Protocol):
    """Decides where units run. Units of several phases may be in flight at the same time."""

    name: str

    def submit(self, run: str, phase: Phase, unit: Unit) -> bool:
        """Takes the unit; False if enough units of this phase are in flight."""
        ...

    def wait(self) -> Iterable[Commit | FailedUnit]:
        """What became of units that ended, as soon as there is one; nothing after a while, or when none is in flight."""
        ...

    def half_done(self, phase: Phase) -> None:
        """At least half of the phase's units are finished, and all are known."""
        ...

    def notes(self) -> Iterable[tuple[str, str]]:
        """Lines for people since the last call, each with the name of the phase that it is about."""
        ...

    def end(self, phase: Phase) -> None:
        """Releases what only this phase's units need."""
        ...

    def close(self) -> None:
        """Cancels what is in flight and releases everything."""
        ...


@dataclass(frozen=True, slots=True)
class Progress:
    """Reported after every unit: the phase, units done of those known, how many of them an earlier run did, documents so far,
    and whether the phase is complete; sometimes a `note` for people. `ended` is the unit that has ended, if one has."""

    phase: str
    done: int
    units: int
    resumed: int
    documents: int
    complete: bool = False
    note: str = ""
    ended: Commit | FailedUnit | None = None


ReportProgress = Callable[[Progress], None]


class PhaseRun:
    """One phase of a run: its units as they become known, and what became of them. `owned` raises if the run has another driver
    now."""

    def __init__(
        self, plan: Plan, phase: Phase, finished: FinishedPhases, report: ReportProgress, owned: Owned = lambda: None
    ) -> None:
        self.phase, self.complete = phase, False
        self._plan, self._finished, self._report, self._owned = plan, finished, report, owned
        self._results = PhaseResults(phase, [], complete=False)
        self._following: Iterator[Unit | None] = follow_units(phase, finished)
        self._units: list[Unit] = []
        self._known_all = False
        self._committed: set[str] | None = None
        self._waiting: deque[Unit] = deque()
        self._done: dict[str, Commit] = {}
        self._resumed = self._submitted = 0
        self._failed: list[FailedUnit] = []

    @property
    def in_flight(self) -> int:
        """Units that were submitted and have not ended."""
        return self._submitted + self._resumed - len(self._done) - len(self._failed)

    def advance(self, runner: Runner) -> int:
        """Submits units that are known and not committed. Returns how many."""
        if self.complete:
            return 0
        self._learn_units()
        before = self._submitted
        if self._known_all and not self._submitted:
            self.phase = replace(self.phase, to_run=len(self._waiting))
        while self._waiting and runner.submit(self._plan.run, self.phase, self._waiting[0]):
            self._waiting.popleft()
            self._submitted += 1
        if self._known_all and 2 * len(self._done) >= len(self._units):
            runner.half_done(self.phase)
        self._complete_if_done(runner)
        return self._submitted - before

    def _learn_units(self) -> None:
        """Takes the units that are known by now. What an earlier run committed of them may make more of them known (rounds)."""
        while not self._known_all:
            known = len(self._units)
            while (unit := next(self._following, _END)) is not None:
                if unit is _END:
                    self._known_all = True
                    break
                self._units.append(unit)
            if len(self._units) == known and not self._known_all:
                return
            self._begin()
            self._sort(self._units[known:])

    def _begin(self) -> None:
        """Stores the ids once all are known, and finds out what an earlier run committed."""
        if self._known_all:
            ids = [unit.id for unit in self._units]
            folder = storage.join(self._plan.run, self.phase.folder)
            finished_note.withdraw(self._plan.run, self.phase, ids, self._owned)
            storage.discard_unfinished(folder, deep=False)
            storage.write_if(storage.join(folder, UNITS), encoded(ids), self._owned)
            if self.phase.kind == "write":
                self.phase = replace(self.phase, writes_as=manifest.begin(self._plan, self.phase, ids, self._owned, self.note))
        if self._committed is None:
            self._committed = commits.committed_units(self._plan.run, self.phase)

    def _sort(self, units: Sequence[Unit]) -> None:
        """Sorts units into those that an earlier run committed and those to be run."""
        known = self._committed or set()
        before = [unit.id for unit in units if unit.id in known]
        for commit in commits.read_commits(self._plan.run, self.phase, before):
            if isinstance(commit, BrokenCommit):
                self.note(f"{commit.path} is damaged; its unit is run again")
                storage.remove(commit.path)
                known.remove(commit.unit)
                continue
            self._resumed += 1
            self._enter_commit(commit)
        self._waiting += [unit for unit in units if unit.id not in known]
        self._check_error_rate(enough=_ENOUGH_TO_JUDGE)
        self._tell()

    def enter(self, outcome: Commit | FailedUnit) -> None:
        """Enters what became of a unit. Raises FatalError when too much is quarantined."""
        if isinstance(outcome, FailedUnit):
            self._failed.append(outcome)
            self._tell(outcome)
            return
        self._enter_commit(outcome)
        self._tell(outcome)
        self._check_error_rate(enough=_ENOUGH_TO_JUDGE)

    def _enter_commit(self, commit: Commit) -> None:
        balance.add(self._results.books, commit.books)
        self._done[commit.unit] = replace(commit, books=_NO_BOOKS, used=_NOTHING)
        results = self._results.commits
        while len(results) < len(self._units) and (next_ := self._done.get(self._units[len(results)].id)) is not None:
            results.append(next_)
        self._finished.phases[self.phase.name] = self._results

    def _complete_if_done(self, runner: Runner) -> None:
        if self._known_all and len(self._done) == len(self._units):
            self._check_error_rate()
            self._results.complete = self.complete = True
            self._finished.phases[self.phase.name] = self._results
            runner.end(self.phase)

    def raise_if_failed(self) -> None:
        """Raises FatalError if units failed for good."""
        if self._failed:
            of_all = f"{len(self._failed)} of {len(self._units)} units of {self.phase.name} failed"
            raise FatalError(f"{of_all}; the first: {self._failed[0].message}")

    def repaired(self) -> bool:
        """Notes why units failed, and returns whether commits that this phase had are gone, because a file that one names was
        found to be damaged."""
        for message in dict.fromkeys(failed.message for failed in self._failed):
            self.note(message)
        return bool(self._done.keys() - commits.committed_units(self._plan.run, self.phase))

    def note(self, note: str) -> None:
        """Reports a line for people."""
        self._report(Progress(self.phase.name, len(self._done), len(self._units), self._resumed, self._documents(), note=note))

    def _tell(self, ended: Commit | FailedUnit | None = None) -> None:
        done, units = len(self._done), len(self._units)
        complete = self._known_all and done == units
        self._report(Progress(self.phase.name, done, units, self._resumed, self._documents(), complete, ended=ended))

    def _documents(self) -> int:
        """How many documents went into the first step of the phase."""
        first = self._results.books.get(self.phase.steps[0].key) if self.phase.steps else None
        return first.documents.into if first else 0

    def _check_error_rate(self, enough: int = 0) -> None:
        """Raises FatalError when too large a share of documents or images is quarantined, once there are enough documents."""
        if self._documents() < enough:
            return
        allowed = self._plan.max_error_rate
        for key, book in self._results.books.items():
            for name, account in (("documents", book.documents), ("images", book.images)):
                share = account.quarantined / max(account.seen, 1)
                if share > allowed:
                    raise FatalError(
                        f"{key} quarantined {account.quarantined} of {account.seen} {name} ({share:.1%}, allowed {allowed:.1%}); "
                        f"`interloom why {self._plan.run} --step {key} --reason quarantined` lists them with their errors; "
                        f"raise max_error_rate to accept them"
                    )
