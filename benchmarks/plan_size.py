"""What the driver of a very large run holds and does, by simulation: `python -m benchmarks plan_size [--units 100000]`.

The real driver goes through two phases (a source and a filter) whose units nobody runs: a runner answers each with a
commit like those of a crawl (a part of 1,000 documents, its decisions, scores and embeddings; the books of five steps). Then the
commits of one phase lie on this disk, are listed and read. The figures are those of a unit; the last lines are what a billion
pages come to, at 1,000 documents a unit.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from interloom.pipeline.cost import Segment
from interloom.pipeline.execution.balance import Book
from interloom.pipeline.execution.driver import run_phases
from interloom.pipeline.execution.phase_run import PhaseRun
from interloom.pipeline.execution.units import FinishedPhases, Unit
from interloom.pipeline.planning.phases import Phase, cut
from interloom.pipeline.planning.plan import make_plan
from interloom.pipeline.planning.recipe import read_recipe
from interloom.pipeline.store import commits
from interloom.pipeline.store.commits import Commit, FailedUnit
from interloom.pipeline.store.parts import StoredFile

_PAGES = 1_000_000_000
_DOCUMENTS = 1000
_KEYS = 1000
"""Names in one answer of an object store."""


class Answering:
    """A runner whose units are finished as soon as they are submitted."""

    name = "answering"

    def __init__(self) -> None:
        self._queue: deque[tuple[Phase, Unit]] = deque()

    def submit(self, run: str, phase: Phase, unit: Unit) -> bool:
        if len(self._queue) >= _DOCUMENTS:
            return False
        self._queue.append((phase, unit))
        return True

    def wait(self) -> Iterator[Commit | FailedUnit]:
        while self._queue:
            yield commit_of(*self._queue.popleft())

    def half_done(self, phase: Phase) -> None:
        """Nothing is slow."""

    def notes(self) -> Iterator[tuple[str, str]]:
        yield from ()

    def end(self, phase: Phase) -> None:
        """Nothing is held."""

    def close(self) -> None:
        """Nothing is held."""


def commit_of(phase: Phase, unit: Unit) -> Commit:
    """What a unit of a crawl commits."""
    folder, digest = f"{phase.folder}/{unit.id}", unit.id * 4
    segments = tuple(Segment(50, 0.0, 50, 200_000) for _ in range(_DOCUMENTS // 50))
    name = f"{folder}/documents-0000-{digest[:16]}.parquet"
    documents = StoredFile("documents", name, _DOCUMENTS, 2 << 20, digest, "f" * 16, segments)
    others = [
        StoredFile(kind, f"{folder}/{kind}-{digest[:16]}.parquet", _DOCUMENTS, 1 << 18, digest, "f" * 16)
        for kind in ("decisions", "scores", "side:embeddings", "blob")
    ]
    books = {f"step_{n}": Book(seconds=1.0) for n in range(5)}
    for step in phase.steps:
        books[step.key] = Book()
        books[step.key].documents.into = books[step.key].documents.out = _DOCUMENTS
    return Commit(unit.id, phase.name, books, (documents, *others), 60.0)


def _memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _driver(folder: Path, units: int) -> tuple[dict[str, float], Phase]:
    """Goes through two phases; figures by name, and the second phase."""
    source = {"use": "benchmarks.many_units", "with": {"count": units}, "checkpoint": True}
    recipe = folder / "large.yaml"
    run = folder / "run"
    steps: list[Any] = [source, {"use": "filters.word_count"}, {"use": "stages.write_parquet"}]
    recipe.write_text(yaml.safe_dump({"name": "large", "run": str(run), "steps": steps}))
    plan = make_plan(*read_recipe(str(recipe)))
    phases = [phase for phase in cut(plan) if phase.kind == "documents"]
    before, started = _memory_mb(), time.process_time()
    finished = FinishedPhases(plan.run)
    run_phases([PhaseRun(plan, phase, finished, lambda progress: None) for phase in phases], Answering())
    total = sum(len(finished.commits(phase.name)) for phase in phases)
    sizes = [os.path.getsize(run / phase.folder / "units.json") for phase in phases]
    return {
        "units": total,
        "bytes of units.json a unit": sum(sizes) / total,
        "driver: bytes a unit": (_memory_mb() - before) * 1024 * 1024 / total,
        "driver: CPU us a unit": (time.process_time() - started) * 1e6 / total,
    }, phases[-1]


def _commits(folder: Path, phase: Phase, units: int) -> dict[str, float]:
    """Writes, lists and reads commits on this disk; figures by name."""
    run = str(folder / "listed")
    text = commits._text(commit_of(phase, Unit(id="0" * 16)).to_json())
    place = Path(commits._folder(run, phase))
    place.mkdir(parents=True)
    for number in range(units):
        (place / f"{number:016x}.json").write_bytes(text)
    started = time.perf_counter()
    names = commits.committed_units(run, phase)
    listed = time.perf_counter() - started
    started, some = time.perf_counter(), sorted(names)[: min(units, 5000)]
    read = sum(1 for _ in commits.read_commits(run, phase, some))
    return {
        "bytes of a commit": len(text),
        "commits listed a second": units / listed,
        "commits read a second": read / (time.perf_counter() - started),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--units", type=int, default=100_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        figures, phase = _driver(Path(name), given.units)
        figures |= _commits(Path(name), phase, given.units)
    for what, value in figures.items():
        print(f"{what:<32}{value:>14,.0f}")
    units = _PAGES // _DOCUMENTS
    print(f"a billion pages: {units:,} units a phase")
    print(f"{'units.json, MB a phase':<32}{units * figures['bytes of units.json a unit'] / 1e6:>14,.0f}")
    print(f"{'driver, MB a phase':<32}{units * figures['driver: bytes a unit'] / 1e6:>14,.0f}")
    print(f"{'driver, CPU s a phase':<32}{units * figures['driver: CPU us a unit'] / 1e6:>14,.0f}")
    print(f"{'commits, GB a phase':<32}{units * figures['bytes of a commit'] / 1e9:>14,.1f}")
    print(f"{'requests that list a phase':<32}{units // _KEYS:>14,}")
    print(f"{'s to list a phase here':<32}{units / figures['commits listed a second']:>14,.0f}")
    print(f"{'s to read a phase here':<32}{units / figures['commits read a second']:>14,.0f}")


if __name__ == "__main__":
    sys.exit(main())
