"""Runs one unit of any kind, wherever a runner put it, and commits it. The same unit gives the same bytes."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Container
from contextlib import closing
from dataclasses import replace

from interloom.pipeline.errors import DamageError, Failure, UnitError, guarded, of_the_system
from interloom.pipeline.execution import killed, memory
from interloom.pipeline.execution.step import Record
from interloom.pipeline.execution.units import Unit, kind_of
from interloom.pipeline.execution.used import WHOLE, forget_peak, metered, peak_bytes
from interloom.pipeline.planning import own_code
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.store import storage, traffic
from interloom.pipeline.store.commits import Commit, FailedUnit, write_commit
from interloom.pipeline.store.damage import invalidate
from interloom.pipeline.store.parts import SideFile, UnitFolder
from interloom.schemas.columns import DECISIONS, SIDE_TABLES
from interloom.schemas.rows import score_table, side_tables, table_of

memory.use_the_system_allocator()
traffic.count()

_LONG_S = 1.0
"""After units of so many seconds freed memory is given back; after shorter ones that would cost more than it helps."""
_TRIES = 3
_FIRST_PAUSE_S = 0.8  # before the second try; four times as long before the third


def run_unit(run: str, phase: Phase, unit: Unit) -> Commit | FailedUnit:
    """Does the unit and commits it.

    Returns a FailedUnit after the last try, or when a plug-in raised where no single document is to blame (a sketch, an exchange,
    a sink). Raises ConfigError, FatalError, and KilledError when another worker should try.
    """
    done = do_unit(run, phase, unit)
    return done if isinstance(done, FailedUnit) else commit_unit(run, phase, done)


def do_unit(run: str, phase: Phase, unit: Unit) -> Commit | FailedUnit:
    """Runs the unit and stores its files. Returns what is to be committed; otherwise as `run_unit`."""
    return _try(run, phase, unit.id, lambda: _run_once(run, phase, unit))


def commit_unit(run: str, phase: Phase, done: Commit) -> Commit | FailedUnit:
    """Commits a unit whose files are stored. Returns the commit that counts; otherwise as `run_unit`."""
    with traffic.uncounted():
        return _try(run, phase, done.unit, lambda: _first_commit(run, phase, done))


def _try(run: str, phase: Phase, unit: str, work: Callable[[], Commit]) -> Commit | FailedUnit:
    """What the work returns. After a UnitError it is tried again, three times in all. A stored file that is damaged each time
    takes its commit along, so that it is made again."""
    for number in range(_TRIES):
        try:
            outcome = guarded(lambda: _with_errors_that_may_pass(work))
        except UnitError as error:
            if number + 1 < _TRIES:
                time.sleep(_FIRST_PAUSE_S * 4**number)
                continue
            stored_by = invalidate(run, error.path) if isinstance(error, DamageError) else ""
            outcome = Failure(f"{error}; {stored_by} must store it again" if stored_by else f"UnitError: {error}")
        return FailedUnit(unit, phase.name, outcome.message) if isinstance(outcome, Failure) else outcome
    raise AssertionError("unreachable")


def _with_errors_that_may_pass(work: Callable[[], Commit]) -> Commit:
    """Raises UnitError for errors of the operating system (files, sockets)."""
    try:
        return work()
    except OSError as error:
        raise of_the_system(error) from error


def _run_once(run: str, phase: Phase, unit: Unit) -> Commit:
    started = time.perf_counter()
    gc.collect()
    gc.freeze()  # modules and models: searching them for garbage costs a tenth of a unit
    own_code.load(run, phase.own_code)
    for step in (*phase.steps, *phase.sketches):
        step.build()  # what is imported for it counts for the start of this process, and for no unit
    held = forget_peak()
    record = Record()
    with metered(record.used, WHOLE), closing(UnitFolder(run, f"{phase.folder}/{unit.id}")) as folder:
        result = kind_of(phase).run(phase, unit, folder, record)
        store_record(folder, record)
    record.used[WHOLE].peak_bytes, record.used[WHOLE].held_bytes = peak_bytes(), held
    seconds = time.perf_counter() - started
    if seconds > _LONG_S:
        memory.give_back_freed()
    return Commit(unit.id, phase.name, record.books, tuple(folder.stored), seconds, result, record.used)


def _first_commit(run: str, phase: Phase, commit: Commit) -> Commit:
    """Commits the unit. If another copy of it was first, its commit counts: files that only this copy made are removed, and on
    disk those that a killed copy left."""
    first = write_commit(run, phase, commit)
    kept = {file.path for file in first.files}
    for file in commit.files:
        if file.path not in kept:
            storage.remove(storage.join(run, file.path))
    if not storage.is_remote(run):
        _remove_left_behind(run, f"{phase.folder}/{commit.unit}", kept)
    return first


def _remove_left_behind(run: str, unit: str, kept: Container[str]) -> None:
    """Removes what the commit does not name from a unit's folder, but not its notes. (In object storage this would cost a request
    a unit, and half-written files are not seen there.)"""
    folder = storage.join(run, unit)
    for name in storage.list_names(folder, unfinished=True):  # one look, because every unit takes it
        if name == killed.FOLDER:
            storage.discard_unfinished(storage.join(folder, name))
        elif f"{unit}/{name}" not in kept:
            storage.remove(storage.join(folder, name))


def store_record(folder: UnitFolder, record: Record) -> None:
    """Stores the rows for side tables, the scores and the decisions; the documents learn which side tables are about them."""
    for name, rows in sorted(record.sides.items()):
        for table in side_tables(name, rows):
            folder.store_table(f"side:{name}", f"side-{name}.parquet", table)
    sides = record.sides_above + _own_sides(folder)
    folder.stored = [replace(file, sides=sides) if file.kind == "documents" else file for file in folder.stored]
    if record.scores:
        folder.store_table("scores", "scores.parquet", score_table(record.scores))
    if record.decisions:
        folder.store_table("decisions", "decisions.parquet", table_of(record.decisions, DECISIONS))


def _own_sides(folder: UnitFolder) -> tuple[SideFile, ...]:
    """The side tables about documents that the unit stored."""
    named = ((file.kind.removeprefix("side:"), file) for file in folder.stored if file.kind.startswith("side:"))
    return tuple(SideFile(name, file.path, file.sha256, file.footer) for name, file in named if "id" in SIDE_TABLES[name].names)
