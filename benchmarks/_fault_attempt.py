"""One seed of the benchmark `faults`: a run that is broken while it runs, and what is wrong with what it leaves."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import _fault_events, _faulty_store, _left_behind, _mixed_input
from interloom.pipeline.store import storage

_SHARE = 0.05
_MOST_RUNS = 8
_LIMIT_S = 400


@dataclass(frozen=True, slots=True)
class Scenario:
    """Where a run runs and stores, and what happens to it."""

    runner: str
    place: str
    events: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.runner}, {self.place}"


@dataclass(slots=True)
class Place:
    """Where seeds run: the recipe, the store, the folder of the full disk ('' without one), and what undisturbed runs wrote."""

    folder: Path
    recipe: Path
    store: _faulty_store.FaultyStore
    disk: str
    stalls: int
    references: dict[bool, dict[str, str]] = field(default_factory=dict)
    commits: int = 1

    def root(self, where: str) -> str:
        """The folder of runs."""
        return (
            f"s3://{_faulty_store.BUCKET}" if where == "s3" else self.disk if where == "full disk" else str(self.folder / "runs")
        )


@dataclass(slots=True)
class Attempt:
    """One seed: its run, and what happened."""

    place: Place
    seed: int
    scenario: Scenario
    run: str = ""
    happened: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def mark(self) -> str:
        return f"{os.getpid()}-{self.seed}"

    @property
    def scratch(self) -> Path:
        root = Path(self.place.disk) if self.scenario.place == "full disk" else self.place.folder
        return root / f"tmp-{self.seed}"

    def go(self) -> None:
        """Runs until the command succeeds, then looks at what is there."""
        draw = random.Random(self.seed)
        self.run = f"{self.place.root(self.scenario.place)}/run-{self.seed}"
        self.scratch.mkdir(parents=True, exist_ok=True)
        moments = sorted(draw.sample(range(1, self.place.commits), len(self.scenario.events)))
        events = list(zip(moments, self.scenario.events, strict=True))
        fails = self.scenario.place == "s3" and self.seed >= 0
        self.place.store.begin(self.seed, _SHARE if fails else 0.0, self.place.stalls if fails else 0)
        while not self.statuses or (self.statuses[-1] and len(self.statuses) < _MOST_RUNS):
            self.statuses.append(self._run_once(events, draw))
        self.happened += [f"{count} x {fault}" for fault, count in self.place.store.faults.items()]
        commits = self.commits()
        self.place.store.begin(0, 0.0)
        if self.seed < 0:
            self.place.commits = commits
        self._check()

    def _run_once(self, events: list[tuple[int, str]], draw: random.Random) -> int:
        """Runs the command, with those of the events that become due. Returns its exit status."""
        settings = {
            **os.environ,
            _fault_events.MARK: self.mark,
            "TMPDIR": str(self.scratch),
            "RAY_TMPDIR": str(self.place.folder / "ray"),
            _mixed_input.INPUT: _input(self.place, self.scenario.place),
        }
        command = [sys.executable, "-m", "interloom.jobs", "run", str(self.place.recipe), "--set", f"run={self.run}"]
        command += ["--runner", self.scenario.runner, *(["--workers", "2"] if self.scenario.runner == "ray" else [])]
        log = self.place.folder / f"log-{self.seed}-{len(self.statuses)}"
        deadline = time.monotonic() + _LIMIT_S
        with log.open("wb") as out:
            process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=settings)
            while process.poll() is None and time.monotonic() < deadline:
                if events and self.commits() >= events[0][0] and (did := self._happen(events[0][1], process.pid, draw)):
                    self.happened.append(did)
                    del events[0]
                time.sleep(0.03)
            if process.poll() is None:
                self.problems.append(f"run {len(self.statuses) + 1} hung")
                process.send_signal(signal.SIGABRT)
            process.wait()
        with suppress(FileNotFoundError):
            (Path(self.place.disk or "/nowhere") / "filler").unlink()
        if b"Traceback" in log.read_bytes():
            self.problems.append(f"a traceback in {log.name}")
        return process.returncode

    def _happen(self, event: str, driver: int, draw: random.Random) -> str:
        if event != "full":
            return _fault_events.kill_one(event, self.mark, driver, draw)
        with (Path(self.place.disk) / "filler").open("wb") as filler, suppress(OSError):
            while True:
                filler.write(bytes(1 << 16))
                filler.flush()
        return "disk full"

    def commits(self) -> int:
        """How many units are committed."""
        if storage.is_remote(self.run):
            return self.place.store.commits
        return len(list(Path(self.run).glob("work/*/commits/*.json")))

    def _check(self) -> None:
        """Notes what is not as it must be."""
        if self.statuses[-1]:
            self.problems.append(f"exit status {self.statuses[-1]} after {len(self.statuses)} runs")
            return
        if left := _fault_events.left_after(self.mark):
            self.problems.append(f"{len(left)} processes are left: {left[0].name} {left[0].command[:80]}")
        self.problems += [f"left: {name}" for name in _left_behind.temporary(str(self.scratch))]
        self.problems += [f"left: {path}" for path in _left_behind.foreign(self.run, _mixed_input.SINKS)]
        written = _left_behind.hashes(self.run, _mixed_input.SINKS)
        reference = self.place.references.setdefault(self.scenario.place == "s3", written)
        if written != reference:
            differ = sorted(name for name in written.keys() | reference.keys() if written.get(name) != reference.get(name))
            self.problems.append(f"{len(differ)} files differ: {', '.join(differ[:3])}")
        verify = [sys.executable, "-m", "interloom.jobs", "verify", self.run]
        if subprocess.run(verify, stdout=subprocess.DEVNULL, check=False).returncode:
            self.problems.append("verify finds damage")

    def remove(self) -> None:
        """Removes the run and whatever is left of it."""
        _fault_events.end_all(self.mark)
        for file in storage.glob(f"{self.run}/") if storage.is_remote(self.run) else ():
            storage.remove(file.path)
        for folder in (self.scratch, self.place.folder / "ray", *([] if storage.is_remote(self.run) else [Path(self.run)])):
            shutil.rmtree(folder, ignore_errors=True)


def _input(place: Place, where: str) -> str:
    return f"s3://{_faulty_store.BUCKET}/in" if where == "s3" else str(place.folder / "in")
