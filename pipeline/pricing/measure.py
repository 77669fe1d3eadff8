"""Runs a sample and adds up what its units used: by phase, and in exchanges by what a unit does."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Literal

from interloom.pipeline import child_process
from interloom.pipeline.child_process import Child
from interloom.pipeline.cost import Segment
from interloom.pipeline.errors import FatalError, InterloomError, in_a_line
from interloom.pipeline.execution import balance
from interloom.pipeline.execution.balance import Book
from interloom.pipeline.execution.driver import GOES_ON, execute
from interloom.pipeline.execution.levels import ranges_at
from interloom.pipeline.execution.phase_run import Progress
from interloom.pipeline.execution.runner_local import LocalRunner
from interloom.pipeline.execution.shuffle import SIZE, WEIGHTS
from interloom.pipeline.execution.used import WHOLE, Used, UsedBySteps, metered
from interloom.pipeline.planning.plan import Plan
from interloom.pipeline.pricing.files import EXCHANGE, SHARDS, Files
from interloom.pipeline.pricing.fit import Amounts, added, amounts_of, scaled
from interloom.pipeline.store.commits import Commit

Does = Literal["all", "send", "meet"]
"""What units of a phase do: in exchanges some sort rows and send them, and others let them meet."""


@dataclass(slots=True)
class Seen:
    """A unit of the sample: what it used itself, besides its steps, for so many `rows` (documents, or rows that were sorted); how
    many documents went into each step, what it stored by kind, and by how much its memory grew."""

    unit: str
    rows: float
    used: Used
    steps: Mapping[str, Used]
    documents: Mapping[str, int]
    stored: Mapping[str, Files]
    growth_bytes: int


@dataclass(slots=True)
class Work:
    """What the units of a phase did: each of them, in all `runs` of the sample. `contents` are those of the documents that they
    stored in one run, `weight` is how large documents are that they sorted, as shards are cut by it."""

    units: list[Seen] = field(default_factory=list)
    runs: int = 1
    seconds: float = 0.0
    whole: Used = field(default_factory=Used)
    contents: list[Segment] = field(default_factory=list)
    weight: int = 0

    @property
    def count(self) -> float:
        """How many units there are in a run."""
        return len(self.units) / self.runs

    @property
    def rows(self) -> float:
        """The rows of all units of a run."""
        return sum(seen.rows for seen in self.units) / self.runs

    def steps(self) -> dict[str, Amounts]:
        """What each step used in all units of a run."""
        totals: dict[str, Amounts] = {}
        for seen in self.units:
            for key, used in seen.steps.items():
                totals[key] = added(totals.get(key, {}), amounts_of(used))
        return {key: scaled(total, 1 / self.runs) for key, total in totals.items()}

    def stored(self) -> dict[str, Files]:
        """What the units of a run stored, by kind."""
        totals: dict[str, Files] = {}
        for seen in self.units:
            for kind, files in seen.stored.items():
                totals[kind] = Files.total([*filter(None, [totals.get(kind)]), files])
        return {kind: each.divided(self.runs) for kind, each in totals.items()}

    def rest(self) -> Amounts:
        """What the units of a run used besides."""
        return scaled(added(*(amounts_of(seen.used) for seen in self.units)), 1 / self.runs)


@dataclass(slots=True)
class Measured:
    """A run of a sample: its units by phase and by what they do, the books of its steps, and what the driver used."""

    works: dict[tuple[str, Does], Work] = field(default_factory=dict)
    books: dict[str, Book] = field(default_factory=dict)
    driver: Used = field(default_factory=Used)

    @property
    def units(self) -> float:
        return sum(work.count for work in self.works.values())

    def seen(self) -> Iterator[Seen]:
        """The units of all phases."""
        for work in self.works.values():
            yield from work.units

    def work(self, phase: str, does: Does = "all") -> Work:
        return self.works.get((phase, does)) or Work()


def of_commits(commits: Iterable[Commit]) -> Measured:
    """What units say in their commits."""
    measured = Measured()
    for commit in commits:
        _enter(measured, commit)
    return measured


def measure(plan: Plan) -> Measured:
    """Runs the plan in this process. Raises FatalError, in a line, if the sample fails."""
    ended, used = list[Commit](), dict[str, Used]()

    def report(progress: Progress) -> None:
        if isinstance(progress.ended, Commit):
            ended.append(progress.ended)

    try:
        with metered(used, WHOLE):
            execute(plan, LocalRunner(), "", report)
    except InterloomError as error:
        what = in_a_line(error).replace(plan.run, "its run").removesuffix(GOES_ON)
        raise FatalError(f"the sample failed: {what}") from error
    measured = of_commits(ended)
    measured.driver = used[WHOLE]
    for work in measured.works.values():
        measured.driver = measured.driver.without(work.whole)
    return measured


def together(runs: Sequence[Measured]) -> Measured:
    """Several runs of the same sample as one whose units are seen several times."""
    first, *others = runs
    for key, work in first.works.items():
        work.runs = len(runs)
        for other in others:
            again = other.work(*key)
            work.units += again.units
            work.whole.add(again.whole)
            work.seconds += again.seconds
    return first


def _enter(measured: Measured, commit: Commit) -> None:
    work = measured.works.setdefault((commit.phase, _does(commit)), Work())
    whole = commit.used.get(WHOLE, Used())
    steps = {key: used for key, used in commit.used.items() if key != WHOLE}
    rest = whole
    for used in steps.values():
        rest = rest.without(used)
    documents = {key: book.documents.into for key, book in commit.books.items()}
    growth = whole.peak_bytes - whole.held_bytes
    work.units.append(Seen(commit.unit, _rows(commit), rest, steps, documents, _stored(commit), growth))
    work.whole.add(whole)
    work.seconds += commit.seconds
    work.contents += [segment for file in commit.files for segment in file.segments]
    if "segments" in commit.result:
        segments = (segment for range_ in ranges_at([commit.result], commit.result["level"]) for segment in range_.segments)
        work.weight += sum(segment.weights[WEIGHTS.index(SIZE)] for segment in segments if segment.weights)
    balance.add(measured.books, commit.books)


def _stored(commit: Commit) -> dict[str, Files]:
    stored: dict[str, Files] = {}
    for file in commit.files:
        count = commit.result["count"] if file.kind == EXCHANGE else 1.0
        stored[file.kind] = Files.total([stored.get(file.kind, Files()), Files(count, file.rows, file.size_bytes)])
    if written := commit.result.get("written"):
        rows = sum(shard["documents"] for shard in written)
        stored[SHARDS] = Files(len(written), rows, commit.stored_bytes()[SHARDS])
    return stored


def _does(commit: Commit) -> Does:
    """Units of an exchange that send have segments and a round; those in which rows meet have a round alone."""
    if "round" not in commit.result:
        return "all"
    return "send" if "segments" in commit.result else "meet"


def _rows(commit: Commit) -> float:
    """The rows that a unit's own work grows with: documents in and out, or rows that it sorts or stores."""
    if "shards" in commit.result:
        return float(sum(documents for pieces in commit.result["shards"] for _, documents in pieces))
    books = list(commit.books.values())
    documents = books[0].documents.into + sum(file.rows for file in commit.files if file.kind == "documents") if books else 0
    return float(documents or sum(file.rows for file in commit.files))


def start_of_a_worker(uses: Iterable[str]) -> Used:
    """What the start of a process takes that runs units of these plug-ins: its imports."""
    used: UsedBySteps = {}
    command = child_process.command("pipeline.pricing.worker_start", *uses)
    with metered(used, WHOLE), closing(Child(command, _NO_FILES, environment=child_process.environment())) as child:
        child.wait(_START_LIMIT_S)
    return used[WHOLE]


_NO_FILES: tuple[int, int, int] = (subprocess.DEVNULL, subprocess.DEVNULL, subprocess.DEVNULL)
_START_LIMIT_S = 600.0
