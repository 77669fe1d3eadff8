"""Compares every file of a run with what its commits and manifests say, and marks what is wrong to be made again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from interloom.pipeline.planning import own_code
from interloom.pipeline.planning.fingerprint import digest
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.stage import Sink
from interloom.pipeline.store import commits, finished, run_reader, storage, targets
from interloom.pipeline.store.commits import Commit
from interloom.pipeline.store.parts import UNITS
from interloom.pipeline.store.shards import WrittenShard, sink_folder

_READERS = 8


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that should be there, and the unit of the phase that stored it; without a unit the driver wrote it at the end."""

    path: str
    size_bytes: int
    sha256: str
    phase: Phase
    unit: str = ""

    @property
    def origin(self) -> str:
        steps = ", ".join(step.key for step in self.phase.steps or self.phase.sketches)
        name = self.phase.name + (f" ({steps})" if steps != self.phase.name else "")
        return f"unit {self.unit} of {name}" if self.unit else name


@dataclass(frozen=True, slots=True)
class Checked:
    """A file that was checked, and what is wrong with it; empty if nothing is."""

    file: StoredFile
    problem: str


def check(run: str) -> Iterator[Checked]:
    """Every file that the commits and manifests of the run's current plan name. Each folder is listed once, each file is read.
    Raises ConfigError when there is no run."""
    noted = finished.noted(run)
    for phase in run_reader.phases(run):
        done = list(_commits(run, phase))
        stored = [
            StoredFile(storage.join(run, file.path), file.size_bytes, file.sha256, phase, commit.unit)
            for commit in done
            if isinstance(commit, Commit)
            for file in commit.files
        ]
        broken = [
            StoredFile(commit.path, 0, "", phase, commit.unit) for commit in done if isinstance(commit, commits.BrokenCommit)
        ]
        yield from (Checked(file, "it is no commit") for file in broken)
        yield from (Checked(file, "missing") for file in _lost(run, phase, noted.get(phase.folder), {one.unit for one in done}))
        yield from _compared(stored, storage.join(run, phase.folder))
        if phase.kind == "write":
            folder = _target(run, phase)
            yield from _compared(_sink_files(run, phase, folder, (one for one in done if isinstance(one, Commit))), folder)


def is_finished(run: str) -> bool:
    """Whether the run has noted that it finished with the units that its phases have now."""
    noted = finished.noted(run)
    units = {phase.folder: run_reader.units(run, phase) for phase in run_reader.phases(run)}
    return all(ids is not None and noted.get(folder) == finished.digest_of_units(ids) for folder, ids in units.items())


def _lost(run: str, phase: Phase, noted: str | None, committed: Iterable[str]) -> Iterator[StoredFile]:
    """What must be there because the phase was finished with the units that were `noted`: their list, their commits, and the
    run's notes on the target of a sink."""
    units = run_reader.units(run, phase)
    if noted is None or (units is not None and finished.digest_of_units(units) != noted):
        return
    if units is None:
        yield StoredFile(storage.join(run, phase.folder, UNITS), 0, "", phase)
        return
    there = set(committed)
    folder = storage.join(run, phase.folder, "commits")
    yield from (StoredFile(storage.join(folder, f"{unit}.json"), 0, "", phase, unit) for unit in units if unit not in there)
    note = targets.note_of(run, _fingerprint(run, phase))
    if phase.kind == "write" and not storage.exists(note):
        yield StoredFile(note, 0, "", phase)


def _commits(run: str, phase: Phase) -> Iterator[Commit | commits.BrokenCommit]:
    """The commits of the phase's current units, as far as they are finished."""
    committed = commits.committed_units(run, phase)
    known = run_reader.units(run, phase)
    wanted = sorted(committed) if known is None else [unit for unit in known if unit in committed]
    return commits.read_commits(run, phase, wanted)


def _target(run: str, phase: Phase) -> str:
    own_code.load(run, phase.own_code)
    step = phase.steps[0]
    return sink_folder(run, step.key, step.build_as(Sink))


def _sink_files(run: str, phase: Phase, folder: str, done: Iterable[Commit]) -> list[StoredFile]:
    """The shards that units wrote and, once the sink is finished, what lies beside them."""
    shards = {
        file.name: StoredFile(storage.join(folder, file.name), file.size_bytes, file.sha256, phase, commit.unit)
        for commit in done
        for shard in commit.result["written"]
        for file in WrittenShard.from_json(shard).files
    }
    all_files = targets.written_files(run, _fingerprint(run, phase), folder)
    beside = {file.name: StoredFile(storage.join(folder, file.name), file.size_bytes, file.sha256, phase) for file in all_files}
    return list({**beside, **shards}.values())


def _fingerprint(run: str, phase: Phase) -> str:
    """As in the manifest of the sink."""
    return digest(phase.fingerprint, run_reader.units(run, phase) or [])


def _compared(files: Iterable[StoredFile], folder: str) -> Iterator[Checked]:
    sizes = {file.path: file.size for file in storage.glob(folder + "/")}
    with ThreadPoolExecutor(_READERS) as pool:
        yield from pool.map(lambda file: Checked(file, _problem(file, sizes)), files)


def _problem(file: StoredFile, sizes: Mapping[str, int]) -> str:
    if file.path not in sizes:
        return "missing"
    if sizes[file.path] != file.size_bytes:
        return f"{sizes[file.path]} bytes instead of {file.size_bytes}"
    for _ in range(2):  # what a disk or a connection gives wrong once is not wrong where it lies
        if storage.sha256(file.path) == file.sha256:
            return ""
    return "other bytes: its sha256 is not the one that was noted"


def mark(run: str, file: StoredFile) -> None:
    """Lets the next run make the file again: its unit loses its commit, or the sink's manifest counts as unfinished."""
    if file.unit:
        commits.forget(run, file.phase, file.unit)
    elif file.phase.kind == "write" and file.sha256:
        targets.doubt(run, _fingerprint(run, file.phase))
