"""Executes a plan: phase after phase, units not yet committed, the books after each, the manifests last.

Stateless: everything needed to go on lies in the run's folder, so that the same command resumes after any end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from interloom.pipeline.errors import FatalError
from interloom.pipeline.execution import books
from interloom.pipeline.execution.units import UNITS, Done, Unit, enumerate_units
from interloom.pipeline.planning import own_code
from interloom.pipeline.planning.phases import Phase, cut
from interloom.pipeline.planning.plan import Plan
from interloom.pipeline.store import commits, manifest, storage
from interloom.pipeline.store.parts import write_json

_ENOUGH_TO_JUDGE = 1000


class Runner(Protocol):
    """Decides where units run. `run` yields their commits as they finish, in any order."""

    name: str

    def run(self, run: str, phase: Phase, units: Sequence[Unit]) -> Iterator[commits.Commit]: ...


@dataclass(frozen=True, slots=True)
class Progress:
    """What is told after every unit: the phase, units done of all, how many of them were done before, documents so far."""

    phase: str
    done: int
    units: int
    resumed: int
    documents: int


Tell = Callable[[Progress], None]


def execute(plan: Plan, runner: Runner, recipe_text: str = "", tell: Tell = lambda progress: None) -> Done:
    """Runs what is not done yet. Raises FatalError when a unit fails for good, the books do not balance, or too much is
    quarantined; what is committed stays."""
    phases = cut(plan)
    write_json(storage.join(plan.run, "plan.json"), {"plan": plan.to_json(), "phases": [phase.to_json() for phase in phases]})
    if recipe_text:
        storage.write(storage.join(plan.run, "recipe.yaml"), recipe_text.encode())
    own_code.store(plan.run, plan.own_code)
    done = Done(plan.run, {})
    for phase in phases:
        _phase(plan, phase, done, (runner, tell))
    every = [one for name in done.phases for one in done.commits(name)]
    check_books(plan, phases, done)
    for phase in phases:
        if phase.kind == "write":
            manifest.finish(plan, phase, done, every)
    return done


def _phase(plan: Plan, phase: Phase, done: Done, means: tuple[Runner, Tell]) -> None:
    runner, tell = means
    units = enumerate_units(phase, done)
    write_json(storage.join(plan.run, phase.folder, UNITS), [unit["id"] for unit in units])
    if phase.kind == "write":
        manifest.begin(plan, phase, [unit["id"] for unit in units])
    before = commits.committed(plan.run, phase)
    known = {unit["id"]: before[unit["id"]] for unit in units if unit["id"] in before}
    todo = [unit for unit in units if unit["id"] not in known]
    totals = books.total(one["books"] for one in known.values())
    resumed, failed = len(known), []
    tell(Progress(phase.name, resumed, len(units), resumed, _documents(phase, totals)))
    for commit in runner.run(plan.run, phase, todo) if todo else ():
        if "failed" in commit:
            failed.append(commit)
            continue
        known[commit["unit"]] = commit
        books.enter(totals, commit["books"])
        tell(Progress(phase.name, len(known), len(units), resumed, _documents(phase, totals)))
        if _documents(phase, totals) >= _ENOUGH_TO_JUDGE:
            _check_rate(plan, totals)
    if failed:
        raise FatalError(f"{len(failed)} of {len(units)} units of {phase.name} failed; the first: {failed[0]['failed']}")
    _check_rate(plan, totals)
    done.enter(phase, units, known)


def _documents(phase: Phase, totals: Mapping[str, books.Book]) -> int:
    """How many documents went into the first step of the phase."""
    first = totals.get(phase.steps[0].key) if phase.steps else None
    return first.documents.into if first else 0


def _check_rate(plan: Plan, totals: Mapping[str, books.Book]) -> None:
    for key, book in totals.items():
        for name, account in (("documents", book.documents), ("images", book.images)):
            seen = account.into + account.born
            if account.quarantined > plan.max_error_rate * max(seen, 1):
                share = account.quarantined / max(seen, 1)
                raise FatalError(
                    f"{key} quarantined {account.quarantined} of {seen} {name} ({share:.1%}, allowed {plan.max_error_rate:.1%}); "
                    f"`interloom why` shows the errors; raise max_error_rate to accept them"
                )


def check_books(plan: Plan, phases: Sequence[Phase], done: Done) -> None:
    """Every step's accounts balance, and what one phase stored is what the next one read. Raises FatalError."""
    wrong = []
    totals = {name: books.total(one["books"] for one in done.commits(name)) for name in done.phases}
    for phase in phases:
        for key, book in totals[phase.name].items():
            wrong += [f"{key}: {book.imbalance()}"] if book.imbalance() else []
        wrong += list(_seams(phase, totals, done))
    if wrong:
        raise FatalError("the books do not balance: " + "; ".join(wrong))


def _seams(phase: Phase, totals: dict[str, dict[str, books.Book]], done: Done) -> Iterator[str]:
    """Where phases meet: documents stored by those above against documents read by this one; steps in a row likewise."""
    if phase.kind not in ("documents", "write"):
        return
    chain = [totals[phase.name].get(step.key, books.Book()) for step in phase.steps]
    if phase.inputs:
        stored = sum(file["rows"] for file in done.files(phase.inputs, "documents"))
        if chain[0].documents.into != stored:
            yield f"{phase.steps[0].key}: {stored} documents stored above, {chain[0].documents.into} read"
    for above, below, step in zip(chain, chain[1:], phase.steps[1:], strict=False):
        if above.documents.out != below.documents.into or above.images.out != below.images.into:
            came = f"{above.documents.out} documents and {above.images.out} images came"
            yield f"{step.key}: {came}, {below.documents.into} and {below.images.into} were taken"
    if phase.kind == "documents":
        stored = sum(file["rows"] for file in done.files([phase.name], "documents"))
        if chain[-1].documents.out != stored:
            yield f"{phase.name}: {chain[-1].documents.out} documents out, {stored} stored"


def summary(done: Done) -> dict[str, books.Book]:
    """Books by step over the whole run, in the order of the steps."""
    totals = books.total(one["books"] for name in done.phases for one in done.commits(name))
    keys = (step.key for phase, _ in done.phases.values() for step in phase.steps)
    return {key: totals[key] for key in dict.fromkeys(keys) if key in totals}
