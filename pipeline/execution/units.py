"""Units: the atoms of work, commit, retry and resume. What is finished, and what all kinds of units need to be enumerated.

Each kind of phase has a module in `execution/kinds` with its `Unit`, its `units` and its `run`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from typing import Any, Protocol, Self, cast

from interloom.pipeline.execution.step import Record
from interloom.pipeline.planning.fingerprint import digest
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.store import storage
from interloom.pipeline.store.commits import Commit, files_of
from interloom.pipeline.store.parts import StoredFile, TableRef, UnitFolder, read_json, write_json

UNITS = "units.json"
"""In a phase's folder: the ids of its units in order. Commits of other units there are of an earlier input."""


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
class FinishedPhases:
    """What is finished so far: for each phase by name, the phase and its commits in the order of its units."""

    run: str
    phases: dict[str, tuple[Phase, list[Commit]]]

    def add(self, phase: Phase, units: Sequence[Unit], commits: Mapping[str, Commit]) -> None:
        self.phases[phase.name] = (phase, [commits[unit.id] for unit in units])

    def commits(self, name: str) -> list[Commit]:
        return self.phases[name][1]

    def files(self, names: Iterable[str], kind: str) -> list[StoredFile]:
        """The files of a kind that these phases stored, in plan order; a file's place in this list is its part's ordinal."""
        return [file for name in names for file in files_of(self.commits(name), kind)]


class Kind(Protocol):
    """What a module in `execution/kinds` holds, besides its class `Unit`."""

    def units(self, phase: Phase, finished: FinishedPhases) -> Iterable[Unit]:
        """The phase's units, in a deterministic order."""
        ...

    def run(self, phase: Phase, unit: Any, folder: UnitFolder, record: Record) -> Mapping[str, Any]:
        """Does the unit: stores its files in `folder`, enters books and decisions in `record`. Returns the commit's `result`."""
        ...


def kind_of(phase: Phase) -> Kind:
    """The module that knows this kind of phase: `execution/kinds/<kind>.py`."""
    return cast(Kind, import_module(f"interloom.pipeline.execution.kinds.{phase.kind}"))


def enumerate_units(phase: Phase, finished: FinishedPhases) -> list[Unit]:
    """The phase's units in order, from the input or from the commits of the phases that it reads."""
    return list(kind_of(phase).units(phase, finished))


def unit_from_json(phase: Phase, values: Mapping[str, Any]) -> Unit:
    """The unit that `to_json` described."""
    unit: type[Unit] = vars(kind_of(phase))["Unit"]
    return unit.from_json(values)


Tables = Mapping[str, tuple[TableRef, ...]]
"""Lists of stored tables by name."""


def share_tables(phase: Phase, finished: FinishedPhases, tables: Tables) -> str:
    """Stores lists of tables that all units of a phase read, once, under their own hash. Returns the path."""
    values = {name: [asdict(ref) for ref in refs] for name, refs in tables.items()}
    path = f"{phase.folder}/tables-{digest(values)}.json"
    if not storage.exists(storage.join(finished.run, path)):
        write_json(storage.join(finished.run, path), values)
    return path


def shared_tables(run: str, path: str) -> Tables:
    """The lists that `share_tables` stored."""
    values = read_json(storage.join(run, path))
    return {name: tuple(TableRef(**ref) for ref in refs) for name, refs in values.items()}
