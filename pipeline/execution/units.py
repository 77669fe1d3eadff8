"""Units: the atoms of work, commit, retry and resume. What is finished, and what all kinds of units need to be enumerated.

Each kind of phase has a module in `execution/kinds` with its `Unit`, its `units` and its `run`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib import import_module
from itertools import islice
from types import MappingProxyType
from typing import Any, Protocol, Self, cast

from interloom.pipeline.execution import balance
from interloom.pipeline.execution.balance import Book
from interloom.pipeline.execution.step import Record
from interloom.pipeline.planning.fingerprint import digest
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.store.commits import Commit, files_of
from interloom.pipeline.store.parts import StoredFile, UnitFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A unit of any kind. `id` hashes what the unit reads and what is done with it."""

    id: str = ""

    def identified(self, phase: Phase, *more: object) -> Self:
        """The unit with its id: a hash of the phase's fingerprint, the unit itself, and `more`."""
        return replace(self, id=digest(phase.fingerprint, asdict(self), *more))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        return cls(**values)


@dataclass(slots=True)
class PhaseResults:
    """What a phase has finished: the commits of its first units in their order, whether these are all, and the books of all its
    finished units, added up. The driver keeps the commits without their books, which are the most of them."""

    phase: Phase
    commits: list[Commit]
    complete: bool = True
    books: dict[str, Book] = field(default_factory=dict)


@dataclass(slots=True)
class FinishedPhases:
    """What is finished so far of a run, by the name of the phase."""

    run: str
    phases: dict[str, PhaseResults] = field(default_factory=dict)

    def add(self, phase: Phase, units: Sequence[Unit], commits: Mapping[str, Commit]) -> None:
        """Adds a phase all of whose units have these commits."""
        self.phases[phase.name] = PhaseResults(phase, [commits[unit.id] for unit in units])

    def commits(self, name: str) -> list[Commit]:
        return self.phases[name].commits

    def commits_so_far(self, name: str) -> list[Commit]:
        """The commits of a phase that may not be complete or may not have begun."""
        return self.phases[name].commits if name in self.phases else []

    def results_so_far(self, name: str, before: int = 0) -> list[Mapping[str, Any]]:
        """The results of these commits, without those of the first `before` units."""
        return [commit.result for commit in islice(self.commits_so_far(name), before, None)]

    def count_so_far(self, name: str) -> int:
        """How many commits these are."""
        return len(self.commits_so_far(name))

    def books(self) -> dict[str, Book]:
        """The books of all phases, added up."""
        return balance.total(results.books for results in self.phases.values())

    def files(self, names: Iterable[str], kind: str) -> list[StoredFile]:
        """The files of a kind that these phases stored, in plan order; a file's place in this list is its part's ordinal."""
        return [file for name in names for file in files_of(self.commits(name), kind)]

    def follow(self, names: Iterable[str], kind: str) -> Iterator[StoredFile | None]:
        """The same files as they come: None when the next one is not there yet. Ends when all phases are complete."""
        for name in names:
            number = 0
            while (results := self.phases.get(name)) is None or not results.complete or number < len(results.commits):
                if results is None or number == len(results.commits):
                    yield None
                    continue
                yield from files_of(results.commits[number : number + 1], kind)
                number += 1

    def are_complete(self, names: Iterable[str]) -> bool:
        return all(name in self.phases and self.phases[name].complete for name in names)


class Kind(Protocol):
    """What a module in `execution/kinds` holds, besides its class `Unit`."""

    def units(self, phase: Phase, finished: FinishedPhases) -> Iterator[Unit | None]:
        """The phase's units, in a deterministic order that depends only on what the phases above finished, in their order. Yields
        None when the next unit is not known yet."""
        ...

    def run(self, phase: Phase, unit: Any, folder: UnitFolder, record: Record) -> Mapping[str, Any]:
        """Does the unit: stores its files in `folder`, enters books and decisions in `record`. Returns the commit's `result`."""
        ...


def kind_of(phase: Phase) -> Kind:
    """The module that knows this kind of phase: `execution/kinds/<kind>.py`."""
    return cast(Kind, import_module(f"interloom.pipeline.execution.kinds.{phase.kind}"))


def follow_units(phase: Phase, finished: FinishedPhases) -> Iterator[Unit | None]:
    """The phase's units as they become known; None when the next one is not known yet. Most kinds need all that they read."""
    while not finished.are_complete(phase.awaits):
        yield None
    yield from kind_of(phase).units(phase, finished)


def enumerate_units(phase: Phase, finished: FinishedPhases, committed: Mapping[str, Commit] = MappingProxyType({})) -> list[Unit]:
    """The phase's units in order, from the input or from the commits of the phases that it reads, which must be complete; of a
    phase with rounds or levels those that its own units in `committed` make known."""
    units: list[Unit] = []
    own = PhaseResults(phase, [], complete=False)
    above = FinishedPhases(finished.run, {**finished.phases, phase.name: own})
    for unit in follow_units(phase, above) if finished.are_complete(phase.inputs) else ():
        if unit is not None:
            units.append(unit)
            continue
        new = [committed[unit.id] for unit in units[len(own.commits) :] if unit.id in committed]
        if not new:
            break
        own.commits += new
    return units


def unit_from_json(phase: Phase, values: Mapping[str, Any]) -> Unit:
    """The unit that `to_json` described."""
    unit: type[Unit] = vars(kind_of(phase))["Unit"]
    return unit.from_json(values)
