"""Enumerates a phase's units, deterministically, from the input or from the commits of the phases it reads.

A unit is a plain JSON value with an `id` that hashes what it reads and what will be done with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from interloom.pipeline.errors import FatalError
from interloom.pipeline.planning.fingerprint import digest
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.store import commits, storage
from interloom.pipeline.store.parts import PART_BYTES, PART_DOCUMENTS, read_json, write_json

Unit = dict[str, Any]
UNITS = "units.json"
"""In a phase's folder: the ids of its units in order. Commits of other units there are of an earlier input."""
_MOST_WRITE_UNITS = 64
_WRITE_UNIT_BYTES = 128 << 20


@dataclass(slots=True)
class Done:
    """What is finished so far: for each phase its units in order and their commits."""

    run: str
    phases: dict[str, tuple[Phase, list[commits.Commit]]]

    def enter(self, phase: Phase, units: Sequence[Unit], done: Mapping[str, commits.Commit]) -> None:
        self.phases[phase.name] = (phase, [done[unit["id"]] for unit in units])

    def commits(self, name: str) -> list[commits.Commit]:
        return self.phases[name][1]

    def files(self, names: Iterable[str], kind: str) -> list[Mapping[str, Any]]:
        """The files of a kind that these phases made, in plan order; a file's place in it is its part's ordinal."""
        return [file for name in names for file in commits.files(self.commits(name), kind)]


def enumerate_units(phase: Phase, done: Done) -> list[Unit]:
    """The phase's units in order."""
    make = {
        "documents": _documents,
        "sketch": _packed,
        "scan": _scans,
        "decide": _decide,
        "assign": _assign,
        "write": _writes,
    }
    return list(make[phase.kind](phase, done))


def _documents(phase: Phase, done: Done) -> Iterator[Unit]:
    if not phase.inputs:
        return _splits(phase)
    return _packed(phase, done)


def _splits(phase: Phase) -> Iterator[Unit]:
    splits = phase.steps[0].build().splits()
    if not splits:
        raise FatalError(f"{phase.steps[0].use} found nothing to read at {phase.steps[0].parameters.get('paths')}")
    for split in splits:
        yield {"id": digest(phase.fingerprint, asdict(split)), "split": asdict(split)}


def _packed(phase: Phase, done: Done) -> Iterator[Unit]:
    """Consecutive parts together, as long as they stay under a part's limits."""
    verdicts = next(iter(done.files([phase.tables], "verdicts")), None) if phase.tables else None
    pack: list[list[Any]] = []
    rows = size = 0
    for ordinal, file in enumerate(done.files(phase.inputs, "documents")):
        if pack and (rows + file["rows"] > PART_DOCUMENTS or size + file["size_bytes"] > PART_BYTES):
            yield _unit(phase, pack, verdicts)
            pack, rows, size = [], 0, 0
        pack.append([ordinal, file["path"], file["rows"], file["sha256"]])
        rows, size = rows + file["rows"], size + file["size_bytes"]
    if pack:
        yield _unit(phase, pack, verdicts)


def _unit(phase: Phase, pack: list[list[Any]], verdicts: Mapping[str, Any] | None) -> Unit:
    mark = verdicts["sha256"] if verdicts else ""
    made: Unit = {"id": digest(phase.fingerprint, pack, mark), "parts": pack}
    return {**made, "verdicts": verdicts["path"]} if verdicts else made


def _scans(phase: Phase, done: Done) -> Iterator[Unit]:
    step = phase.steps[0]
    sketches = _rows(done.files(phase.sketched, f"sketch:{step.key}"))
    sides = {name: _rows(done.files(phase.sides, f"side:{name}")) for name in step.attributes.side_tables}
    tables = _shared(phase, done, {"sketches": sketches, "sides": sides})
    count = step.build().scans(sum(rows for _, _, rows, _ in sketches))
    for number in range(count):
        yield {"id": digest(phase.fingerprint, tables, number, count), "number": number, "of": count, "tables": tables}


def _decide(phase: Phase, done: Done) -> Iterator[Unit]:
    tables = _shared(phase, done, {"found": _rows(done.files([phase.tables], "found"))})
    yield {"id": digest(phase.fingerprint, tables), "tables": tables}


def _assign(phase: Phase, done: Done) -> Iterator[Unit]:
    sketches = _rows(done.files(phase.sketched, f"sketch:{phase.steps[0].key}"))
    tables = _shared(phase, done, {"sketches": sketches})
    yield {"id": digest(phase.fingerprint, tables), "tables": tables}


def _writes(phase: Phase, done: Done) -> Iterator[Unit]:
    """Runs of consecutive shards: few enough that reading the documents' text for each stays cheap."""
    assigned = done.commits(phase.tables)[0]
    table = next(commits.files([assigned], "assignment"))
    documents = _rows(done.files(phase.inputs, "documents"))
    tables = _shared(phase, done, {"documents": documents, "assignment": table["path"]})
    shards, text = assigned["shards"], sum(file["size_bytes"] for file in done.files(phase.inputs, "documents"))
    most = max(_MOST_WRITE_UNITS, text // _WRITE_UNIT_BYTES)
    run = -(-shards // most) or 1
    for first in range(0, shards, run):
        numbers = [first, min(first + run, shards)]
        yield {"id": digest(phase.fingerprint, tables, table["sha256"], numbers), "shards": numbers, "tables": tables}


def _rows(files: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
    return [[ordinal, file["path"], file["rows"], file["sha256"]] for ordinal, file in enumerate(files)]


def _shared(phase: Phase, done: Done, value: Mapping[str, Any]) -> str:
    """Long lists that all units of a phase read are stored once, under their own hash."""
    path = f"{phase.folder}/tables-{digest(value)}.json"
    if not storage.exists(storage.join(done.run, path)):
        write_json(storage.join(done.run, path), value)
    return path


def read_shared(run: str, path: str) -> Any:
    """What `_shared` stored."""
    return read_json(storage.join(run, path))
