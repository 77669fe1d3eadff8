"""The state of a run, from its folder alone: from the plan, the commits, their ages by the store's clock, and the lease."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from interloom.pipeline.errors import ConfigError
from interloom.pipeline.execution import balance
from interloom.pipeline.execution.balance import Book
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.store import commits, finished, lease, run_reader, storage
from interloom.pipeline.store.commits import Commit
from interloom.pipeline.store.lease import EXPIRY_S

Word = Literal["running", "stalled", "done", "failed"]

RECENT_S = 300.0
"""Rates are those of the last so many seconds. Our choice: some units of a minute."""
_STALLED_S = 600.0
"""A run that commits nothing for so long, and for ten times its longest unit, is stalled. Our choice."""
_LONGEST = 10


@dataclass(frozen=True, slots=True)
class PhaseState:
    """How far a phase is. `units` is None before they are known. Rates are those of the last minutes, per second.
    `problem` says why they cannot be known."""

    name: str
    done: int
    units: int | None
    documents: int
    seconds: float
    units_per_s: float = 0.0
    documents_per_s: float = 0.0
    problem: str = ""

    @property
    def is_complete(self) -> bool:
        return self.units is not None and self.done >= self.units

    @property
    def left_s(self) -> float | None:
        """How long its units will take at this pace; None if that is not known."""
        if self.units is None or not self.units_per_s or self.is_complete:
            return None
        return (self.units - self.done) / self.units_per_s

    def to_json(self) -> dict[str, Any]:
        counts = {"done": self.done, "units": self.units, "documents": self.documents, "seconds": round(self.seconds, 1)}
        left = None if self.left_s is None else round(self.left_s)
        return {"phase": self.name, **counts, "documents_per_s": round(self.documents_per_s, 1), "left_s": left}


@dataclass(frozen=True, slots=True)
class RunState:
    """A run as it is now: a word for it, why, how far its phases are, and its books so far."""

    run: str
    word: Word
    reason: str
    last_commit_s: float | None
    phases: tuple[PhaseState, ...]
    books: Mapping[str, Book]

    @property
    def share(self) -> float | None:
        """Which share of the units is finished; None before all are known."""
        counts = [phase.units for phase in self.phases if phase.units is not None]
        if len(counts) < len(self.phases):
            return None
        return sum(min(phase.done, phase.units or 0) for phase in self.phases) / max(sum(counts), 1) if sum(counts) else 1.0

    def to_json(self) -> dict[str, Any]:
        age = None if self.last_commit_s is None else round(self.last_commit_s, 1)
        share = None if self.share is None else round(100 * self.share, 1)
        books = {key: book.to_json() for key, book in self.books.items()}
        quarantined = sum(book.documents.quarantined + book.images.quarantined for book in self.books.values())
        facts = {"run": self.run, "state": self.word, "reason": self.reason, "last_commit_s": age, "percent": share}
        return facts | {"phases": [phase.to_json() for phase in self.phases], "quarantined": quarantined, "funnel": books}


@dataclass(slots=True)
class _Seen:
    """What was read of a phase's commits: each is read once."""

    documents: dict[str, int] = field(default_factory=dict)
    books: dict[str, Book] = field(default_factory=dict)
    seconds: float = 0.0
    longest: float = 0.0

    def add(self, phase: Phase, commit: Commit) -> None:
        first = commit.books.get(phase.steps[0].key) if phase.steps else None
        self.documents[commit.unit] = first.documents.into if first else 0
        balance.add(self.books, commit.books)
        self.seconds += commit.seconds
        self.longest = max(self.longest, commit.seconds)


class Watch:
    """Looks at a run as often as it is asked to, and reads only commits that are new. Raises ConfigError if there is no run."""

    def __init__(self, run: str) -> None:
        self._run = run.rstrip("/")
        self._seen: dict[str, _Seen] = {}

    def look(self) -> RunState:
        """The run as it is now."""
        phases = run_reader.phases(self._run)
        started = storage.ages(self._run).get("plan.json", 0.0)  # the plan is written again whenever the run is started
        states, ages = [], list[float]()
        for phase in phases:
            state, age = self._phase(phase, started)
            states.append(state)
            ages += [] if age is None else [age]
        last = min(ages, default=None)
        word, reason = self._word(phases, states, last, started)
        books = balance.total(self._seen[phase.folder].books for phase in phases)
        return RunState(self._run, word, reason, last, tuple(states), run_reader.in_step_order(self._run, books))

    def _phase(self, phase: Phase, started: float) -> tuple[PhaseState, float | None]:
        """The state of a phase, and the age of its last commit."""
        units, problem = self._units(phase)
        ages = commits.ages(self._run, phase)
        ours = ages.keys() if units is None else set(units)
        known = {unit: age for unit, age in ages.items() if unit in ours}
        seen = self._seen.setdefault(phase.folder, _Seen())
        if seen.documents.keys() - known.keys():  # a damaged unit has lost its commit, or the input is another
            seen = self._seen[phase.folder] = _Seen()
        for commit in commits.read_commits(self._run, phase, sorted(known.keys() - seen.documents.keys())):
            if isinstance(commit, Commit):
                seen.add(phase, commit)
        window = max(min(RECENT_S, started), 1.0)
        recent = [seen.documents[unit] for unit, age in known.items() if age <= window and unit in seen.documents]
        count = None if units is None else len(units)
        rates = len(recent) / window, sum(recent) / window
        state = PhaseState(
            phase.name, len(seen.documents), count, sum(seen.documents.values()), seen.seconds, *rates, problem=problem
        )
        return state, min(known.values(), default=None)

    def _units(self, phase: Phase) -> tuple[list[str] | None, str]:
        """The phase's units, and what is wrong with their list."""
        try:
            return run_reader.units(self._run, phase), ""
        except ConfigError as error:
            return None, str(error)

    def _word(self, phases: list[Phase], states: list[PhaseState], last: float | None, started: float) -> tuple[Word, str]:
        owner, heard = lease.last_owner(self._run)
        noted = finished.noted(self._run).keys() >= {phase.folder for phase in phases}
        is_whole = all(state.is_complete for state in states)
        at_work = heard <= EXPIRY_S and not owner.is_gone() and owner.command == "run"
        if at_work:
            quiet = started if last is None else min(last, started)
            longest = max(self._seen[phase.folder].longest for phase in phases)
            limit = max(_STALLED_S, _LONGEST * longest)
            if quiet > limit:
                return "stalled", f"its driver lives ({owner}), but no unit was committed for {quiet:.0f} s"
            return "running", f"by {owner}"
        if broken := next((state.problem for state in states if state.problem), ""):
            return "failed", broken
        if is_whole and not owner.error and (noted or owner.released):
            return "done", ""
        if owner.error:
            return "failed", owner.error
        if owner.released:
            return "failed", "it was stopped before its end"
        return "failed", f"its driver is gone ({owner}), last heard of {heard:.0f} s ago"
