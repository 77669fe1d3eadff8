"""Executes a plan: units not yet committed, each phase as soon as its first inputs are there; books, reports, manifests last.

Stateless: everything needed to go on lies in the run's folder, so that the same command resumes after any end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext, suppress

from interloom.pipeline import temporary
from interloom.pipeline.errors import AccessError, ConfigError, FatalError, InterloomError, described, in_a_line
from interloom.pipeline.execution import reports
from interloom.pipeline.execution.balance import Book, Books
from interloom.pipeline.execution.phase_run import PhaseRun, ReportProgress, Runner
from interloom.pipeline.execution.units import FinishedPhases
from interloom.pipeline.planning import own_code
from interloom.pipeline.planning.phases import Phase, cut
from interloom.pipeline.planning.plan import Plan
from interloom.pipeline.store import manifest, storage, targets
from interloom.pipeline.store.finished import note as note_finished
from interloom.pipeline.store.lease import Lease
from interloom.pipeline.store.manifest import Owned
from interloom.pipeline.store.parts import encoded

_MOST_REPAIRS = 3  # rounds of runs beyond one for each phase; storage that damages more than that does not hold a run; our choice

GOES_ON = "; once that is mended, the same command goes on from here"
"""What is said of a failure of storage: nothing that was done is lost."""
_ELEMENTS = ("images", "texts", "clips")


def execute(
    plan: Plan,
    runner: Runner,
    recipe_text: str = "",
    report: ReportProgress = lambda progress: None,
    wait_for_run_s: float = 0.0,
) -> FinishedPhases:
    """Runs what is not done yet. `recipe_text` is kept in the run's folder for people; `report` is called after every unit;
    `wait_for_run_s` is how long to wait for another driver that has the run.

    Raises FatalError when a unit fails for good, the books do not balance, too much is quarantined, or a store lets us in no
    more; what is committed stays. Raises ConfigError if another driver has the run.
    """
    temporary.remove_left_behind()
    lease, error = _acquired(plan.run, wait_for_run_s), "it was stopped"
    try:
        finished = _execute(plan, runner, recipe_text, report, lease)
        error = ""
        return finished
    except AccessError as failure:
        error = in_a_line(failure)
        raise FatalError(f"{error}{GOES_ON}") from failure
    except (InterloomError, OSError) as failure:
        error = described(failure) if isinstance(failure, OSError) else in_a_line(failure)
        raise
    finally:
        runner.close()
        with suppress(InterloomError, OSError) if error else nullcontext():  # what ended the run may keep us from this, too
            lease.release(error)


def _acquired(run: str, wait_s: float) -> Lease:
    """The lease, whose file is the first that a run writes. Raises ConfigError if it cannot."""
    try:
        return Lease.acquire(run, "run", wait_s)
    except OSError as error:
        problem = f"{error.filename or run}: {error.strerror or error}"
        raise ConfigError(f"{problem}; the run folder cannot be written to; choose another, or mend that") from error


def _execute(plan: Plan, runner: Runner, recipe_text: str, report: ReportProgress, lease: Lease) -> FinishedPhases:
    for name in ("", targets.KNOWN, reports.FOLDER):  # what drivers left that were killed; units do so in their own folders
        storage.discard_unfinished(storage.join(plan.run, name), deep=False)
    phases = cut(plan)
    sinks = [manifest.target_of(plan, phase) for phase in phases if phase.kind == "write"]
    elsewhere = [folder for folder in sinks if not (folder + "/").startswith(plan.run + "/")]
    described = {"plan": plan.to_json(), "phases": [phase.to_json() for phase in phases]}
    storage.write_if(storage.join(plan.run, "plan.json"), encoded(described), lease.check)
    if recipe_text:
        storage.write_if(storage.join(plan.run, "recipe.yaml"), recipe_text.encode(), lease.check)
    own_code.store(plan.run, plan.own_code)
    try:
        for folder in elsewhere if not plan.overwrite else ():
            targets.claim(plan.run, folder)
        finished = _run_until_whole(plan, phases, (runner, report), lease)
        check_books(phases, finished)
        reports.store(phases, finished, lease.check)
        books = finished.books()
        for phase in phases:
            if phase.kind == "write":
                manifest.finish(plan, phase, finished.commits(phase.name), books, lease.check)
        units = [(phase, [commit.unit for commit in finished.commits(phase.name)]) for phase in phases]
        note_finished(plan.run, units, lease.check)
    finally:
        with suppress(InterloomError, OSError):  # what ended the run may keep us from this, too
            for folder in elsewhere:
                targets.give_up_claim(plan.run, folder)
    return finished


def _run_until_whole(plan: Plan, phases: Sequence[Phase], machine: tuple[Runner, ReportProgress], lease: Lease) -> FinishedPhases:
    """Runs all phases, and again when files that units stored turn out to be damaged: those units have lost their commits."""
    runner, report = machine
    for repairs_left in reversed(range(len(phases) + _MOST_REPAIRS)):
        finished = FinishedPhases(plan.run)
        runs = [PhaseRun(plan, phase, finished, report, lease.check) for phase in phases]
        try:
            run_phases(runs, runner, lease.raise_if_lost)
            break
        except FatalError:
            lease.raise_if_lost()
            if not repairs_left or not [run for run in runs if run.repaired()]:
                raise
            for run in runs:
                runner.end(run.phase)
    return finished


def run_phases(runs: Sequence[PhaseRun], runner: Runner, owned: Owned = lambda: None) -> None:
    """Runs all phases, each as soon as its first inputs are committed. Raises FatalError when units fail: after all others."""
    by_name = {run.phase.name: run for run in runs}
    while not all(run.complete for run in runs):
        owned()
        submitted = 0
        for run in runs:
            submitted += run.advance(runner)
        outcomes = list(runner.wait())
        for phase, note in runner.notes():
            by_name[phase].note(note)
        for outcome in outcomes:
            by_name[outcome.phase].enter(outcome)
        if not outcomes and not submitted and not any(run.in_flight for run in runs):
            break  # what is left waits for units that failed
    for run in runs:
        run.raise_if_failed()
    if stuck := [run.phase.name for run in runs if not run.complete]:
        raise FatalError(f"no unit of {', '.join(stuck)} can run, and none failed")


def check_books(phases: Sequence[Phase], finished: FinishedPhases) -> None:
    """Every step's accounts balance, and what one phase stored is what the next one read. Raises FatalError."""
    wrong = []
    for phase in phases:
        books = finished.phases[phase.name].books
        wrong += [f"{key}: {book.imbalance()}" for key, book in books.items() if book.imbalance()]
        if phase.kind in ("documents", "write"):
            wrong += _between_phases(phase, books, finished)
            wrong += _between_steps(phase, books)
    if wrong:
        raise FatalError("the books do not balance: " + "; ".join(wrong))


def _between_phases(phase: Phase, books: Books, finished: FinishedPhases) -> Iterator[str]:
    """Documents stored by the phases above against documents read; documents that came out against documents stored."""
    first, last = (books.get(step.key, Book()) for step in (phase.steps[0], phase.steps[-1]))
    if phase.inputs:
        stored = sum(file.rows for file in finished.files(phase.inputs, "documents"))
        if first.documents.into != stored:
            yield f"{phase.steps[0].key}: {stored} documents stored above, {first.documents.into} read"
        above = [finished.phases[name] for name in phase.inputs]
        ends = [done.books.get(done.phase.steps[-1].key, Book()) for done in above]
        yield from _differences(phase.steps[0].key, ends, first, _ELEMENTS)
    if phase.kind == "documents":
        stored = sum(file.rows for file in finished.files([phase.name], "documents"))
        if last.documents.out != stored:
            yield f"{phase.name}: {last.documents.out} documents out, {stored} stored"


def _between_steps(phase: Phase, books: Books) -> Iterator[str]:
    """What came out of each step against what went into the next one."""
    chain = [books.get(step.key, Book()) for step in phase.steps]
    for above, below, step in zip(chain, chain[1:], phase.steps[1:], strict=False):
        yield from _differences(step.key, [above], below, below.accounts)


def _differences(key: str, above: Iterable[Book], below: Book, kinds: Iterable[str]) -> Iterator[str]:
    """What came out of steps against what went into the one behind them, of these kinds."""
    for kind in kinds:
        came, taken = sum(book.accounts[kind].out for book in above), below.accounts[kind].into
        if came != taken:
            yield f"{key}: {came} {kind} came, {taken} were taken"


def summary(finished: FinishedPhases) -> dict[str, Book]:
    """Books by step over the whole run, in the order of the steps."""
    totals = finished.books()
    keys = (step.key for results in finished.phases.values() for step in results.phase.steps)
    return {key: totals[key] for key in dict.fromkeys(keys) if key in totals}
