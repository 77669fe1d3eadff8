"""Compares every file of a run with what its commits and manifests say, and marks what is wrong to be made again."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from interloom.pipeline.errors import ConfigError
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.store import commits, finished, run_reader, sink_location, storage, targets
from interloom.pipeline.store.commits import Commit
from interloom.pipeline.store.parts import UNITS
from interloom.pipeline.store.shards import WrittenShard

_READERS = 8


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that should be there, and the unit of the phase that stored it; without a unit the driver wrote it at the end."""

    path: str
    size_bytes: int
    sha256: str
    phase: Phase | None
    unit: str = ""

    @property
    def origin(self) -> str:
        if self.phase is None:
            return "the run"
        steps = ", ".join(step.key for step in self.phase.steps or self.phase.sketches)
        name = self.phase.name + (f" ({steps})" if steps != self.phase.name else "")
        return f"unit {self.unit} of {name}" if self.unit else name


@dataclass(frozen=True, slots=True)
class Checked:
    """A file that was checked, and what is wrong with it; empty if nothing is. `is_made_again`: by the next run, once it is
    marked."""

    file: StoredFile
    problem: str
    is_made_again: bool = True


def check(run: str) -> Iterator[Checked]:
    """Every file that the commits and manifests of the run's current plan name. Each folder is listed once, each file is read.
    Raises ConfigError when there is no run."""
    phases = run_reader.phases(run)
    noted = finished.noted(run)
    if problem := _note_problem(run, phases, noted):
        yield Checked(StoredFile(storage.join(run, finished.FINISHED), 0, "", None), problem)
        noted = _as_if_noted(run, phases)
    for phase in phases:
        units, list_problem = _listed(run, phase, noted.get(phase.folder))
        if list_problem:
            yield Checked(StoredFile(storage.join(run, phase.folder, UNITS), 0, "", phase), list_problem)
        done = list(_commits(run, phase, units))
        whole = [commit for commit in done if isinstance(commit, Commit)]
        broken = [commit for commit in done if isinstance(commit, commits.BrokenCommit)]
        yield from (Checked(StoredFile(bad.path, 0, "", phase, bad.unit), "it is no commit") for bad in broken)
        if phase.folder in noted and not list_problem:
            yield from _lost(run, phase, units or [], {commit.unit for commit in done})
        stored = [
            StoredFile(storage.join(run, file.path), file.size_bytes, file.sha256, phase, commit.unit)
            for commit in whole
            for file in commit.files
        ]
        yield from _compared(stored, storage.join(run, phase.folder))
        if phase.kind == "write":
            yield from _checked_sink(run, phase, units or [], whole)


def is_finished(run: str) -> bool:
    """Whether the run has noted that it finished with the units that its phases have now."""
    noted = finished.noted(run)
    units = {phase.folder: run_reader.units(run, phase) for phase in run_reader.phases(run)}
    return all(ids is not None and noted.get(folder) == finished.digest_of_units(ids) for folder, ids in units.items())


def targets_elsewhere(run: str) -> dict[str, str]:
    """The folders that were looked at and do not lie in the run, by the step that writes them."""
    own = storage.canonical(run) + "/"
    return {key: folder for key, folder in sink_location.by_step(run).items() if not storage.canonical(folder).startswith(own)}


def _note_problem(run: str, phases: Sequence[Phase], noted: Mapping[str, str]) -> str:
    """What is wrong with the note of a run that has finished: it is damaged, or gone although the manifests are there."""
    if finished.is_damaged(run):
        return "it is damaged"
    sinks = [phase for phase in phases if phase.kind == "write"]
    is_complete = noted.keys() >= {phase.folder for phase in phases}
    return "" if is_complete or not sinks or not all(_is_written(run, phase) for phase in sinks) else "missing"


def _is_written(run: str, phase: Phase) -> bool:
    """Whether the run has written the manifest of a sink for the units that its phase has now."""
    units, problem = _listed(run, phase, None)
    if not units or problem:
        return False
    if targets.finished_files(run, sink_location.fingerprint_of(phase, units)):
        return True
    folder = sink_location.located(run, phase, units)
    is_ours = targets.fingerprint_in(folder) == sink_location.fingerprint_of(phase, units)
    return is_ours and storage.exists(storage.join(folder, targets.MANIFEST))


def _as_if_noted(run: str, phases: Sequence[Phase]) -> dict[str, str]:
    """What the note of a run that has finished says, if its lists of units are as they were."""
    if not all(_is_written(run, phase) for phase in phases if phase.kind == "write"):
        return {}
    listed = {phase.folder: _listed(run, phase, None)[0] for phase in phases}
    return {folder: finished.digest_of_units(units or []) for folder, units in listed.items()}


def _listed(run: str, phase: Phase, noted: str | None) -> tuple[list[str] | None, str]:
    """The units of a phase, None if they are not known, and what is wrong with their list, if it was `noted` or is there."""
    try:
        units = run_reader.units(run, phase)
    except ConfigError:
        return None, "it is no list of units"
    if noted is None:
        return units, ""
    if units is None:
        return None, "missing"
    return units, "" if finished.digest_of_units(units) == noted else "it lists other units than those that the run finished with"


def _lost(run: str, phase: Phase, units: Sequence[str], committed: Container[str]) -> Iterator[Checked]:
    """What is gone of a phase that was finished with these units: their commits, and the run's note on the target of a sink."""
    folder = storage.join(run, phase.folder, "commits")
    gone = [unit for unit in units if unit not in committed]
    yield from (Checked(StoredFile(storage.join(folder, f"{unit}.json"), 0, "", phase, unit), "missing") for unit in gone)
    fingerprint = sink_location.fingerprint_of(phase, units)
    note = StoredFile(targets.note_of(run, fingerprint), 0, "", phase)
    if phase.kind == "write" and not storage.exists(note.path):
        yield Checked(note, "missing")
    elif phase.kind == "write" and not targets.finished_files(run, fingerprint):
        yield Checked(note, "it is damaged: it does not list what was written")


def _commits(run: str, phase: Phase, known: Sequence[str] | None) -> Iterator[Commit | commits.BrokenCommit]:
    """The commits of the phase's current units, as far as they are finished."""
    committed = commits.committed_units(run, phase)
    wanted = sorted(committed) if known is None else [unit for unit in known if unit in committed]
    return commits.read_commits(run, phase, wanted)


def _checked_sink(run: str, phase: Phase, units: list[str], done: Iterable[Commit]) -> Iterator[Checked]:
    """The shards that units wrote and, once the sink is finished, what lies beside them. Nothing is made again where the data of
    the sink are not, or are another run's by now."""
    folder, fingerprint = sink_location.located(run, phase, units), sink_location.fingerprint_of(phase, units)
    files = _sink_files(run, phase, fingerprint, folder, done)
    target = StoredFile(folder, 0, "", phase)
    sizes = {file.path: file.size for file in storage.glob(folder + "/")}
    is_in_run = folder.startswith(run.rstrip("/") + "/")
    if files and (writer := targets.other_writer(run, folder, fingerprint)):
        yield Checked(target, f"is now written by {writer}; `interloom run` needs --overwrite to write there again", False)
    elif files and not is_in_run and not any(file.path in sizes for file in files):
        yield Checked(target, "none of the shards is here; if they were moved, move them back, or run the recipe again", False)
    else:
        yield from _compared(files, folder, sizes)


def _sink_files(run: str, phase: Phase, fingerprint: str, folder: str, done: Iterable[Commit]) -> list[StoredFile]:
    shards = {
        file.name: StoredFile(storage.join(folder, file.name), file.size_bytes, file.sha256, phase, commit.unit)
        for commit in done
        for shard in commit.result["written"]
        for file in WrittenShard.from_json(shard).files
    }
    all_files = targets.finished_files(run, fingerprint)
    beside = {file.name: StoredFile(storage.join(folder, file.name), file.size_bytes, file.sha256, phase) for file in all_files}
    return list({**beside, **shards}.values())


def _compared(files: Iterable[StoredFile], folder: str, sizes: Mapping[str, int] | None = None) -> Iterator[Checked]:
    if sizes is None:
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
    if file.phase is None:
        return
    if file.unit:
        commits.forget(run, file.phase, file.unit)
    elif file.phase.kind == "write" and file.sha256:
        targets.doubt(run, sink_location.fingerprint_of(file.phase, run_reader.units(run, file.phase) or []))
