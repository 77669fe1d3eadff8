"""Breaks runs on clusters of several nodes, and compares what they write: `python -m benchmarks cluster_changes [--seeds 30]`.

The demo's recipe runs undisturbed in one process; then, for each seed, on a Ray cluster of one to three nodes, with SIGKILL of a
worker, of the raylet of a node, of the driver, or of the head (the GCS) at moments that the seed draws. After the loss of driver
or head all that is left of the cluster is ended, and the run goes on on a new one with another number of nodes. Every seed must
end with the same files (sha256), balanced books (a run whose books do not balance fails) and no process left, and no run may
stand still.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import _fault_events, _left_behind
from interloom.jobs import _plan
from interloom.jobs.demo.crawl import make_crawl
from interloom.pipeline.execution.driver import execute
from interloom.pipeline.execution.runner_local import LocalRunner

_RECIPE = Path(_plan.__file__).with_name("demo.yaml")
_SINKS = ("write_webdataset", "write_parquet")
_KINDS = ("worker", "raylet", "driver", "head")
_IMPATIENT = {"RAY_gcs_rpc_server_reconnect_timeout_s": "5"}
"""By default a driver waits a minute for a head that is gone."""
_MOST_RUNS = 8
_LIMIT_S = 400.0
_MOST_NODES = 3


@dataclass(slots=True)
class Seed:
    """One seed: its run, what is to happen after how many commits, and what has happened."""

    number: int
    run: Path
    events: list[tuple[int, str]]
    draw: random.Random
    happened: list[str] = field(default_factory=list)
    stood_still: bool = False

    @property
    def mark(self) -> str:
        """The mark of all its processes."""
        return f"cluster-changes-{os.getpid()}-{self.number}"

    def go(self) -> str:
        """Runs until the run is done. Returns what went wrong, else an empty text."""
        for _ in range(_MOST_RUNS):
            nodes = self.draw.randint(1, _MOST_NODES)
            self.happened.append(f"{nodes} nodes")
            status = self._attempt(nodes)
            _fault_events.end_all(self.mark)
            if status == 0:
                left = "processes are left" if _fault_events.left_after(self.mark, 20) else ""
                return "a run stood still" if self.stood_still else left
        return f"not done after {_MOST_RUNS} runs"

    def _attempt(self, nodes: int) -> int:
        """One run on a new cluster, with the events that come while it runs. Returns its exit status."""
        command = [sys.executable, "-m", "benchmarks._cluster_run", str(_RECIPE), str(self.run), str(nodes)]
        environment = {**os.environ, **_IMPATIENT, _fault_events.MARK: self.mark}
        with (self.run.parent / f"{self.number}.log").open("ab") as log:
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + _LIMIT_S
        while process.poll() is None and time.monotonic() < deadline:
            if self.events and commits(self.run) >= self.events[0][0]:
                kind = self.events[0][1]
                if what := self._kill(kind, process.pid):
                    self.happened.append(what)
                    self.events.pop(0)
            time.sleep(0.02)
        if process.poll() is None:
            self.happened.append(f"killed after {_LIMIT_S:.0f} s")
            self.stood_still = True
            process.kill()
        return process.wait()

    def _kill(self, kind: str, driver: int) -> str:
        if kind != "head":
            return _fault_events.kill_one(kind, self.mark, driver, self.draw)
        there = _fault_events.processes(self.mark).values()
        head = [process.pid for process in there if process.name == "gcs_server"]
        for pid in head:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return "head" if head else ""


def commits(run: Path) -> int:
    """How many units are committed."""
    return sum(1 for _ in run.glob("work/*/commits/*.json"))


def drawn(number: int, run: Path, most: int) -> Seed:
    """A seed with one to three events; each kind is the first of a fourth of the seeds."""
    draw = random.Random(number)
    kinds = [_KINDS[number % len(_KINDS)], *draw.choices(_KINDS, k=draw.randint(0, 2))]
    moments = sorted(draw.randrange(1, most) for _ in kinds)
    return Seed(number, run, list(zip(moments, kinds, strict=True)), draw)


def outcomes(folder: Path, numbers: list[int]) -> Iterator[tuple[Seed, str, float]]:
    """Each seed, what is wrong with it ('' if nothing), and its seconds."""
    make_crawl(folder / "crawl", pages=60)
    os.environ["INTERLOOM_DEMO"] = str(folder)
    plan, _ = _plan.planned(str(_RECIPE), [f"run={folder / 'reference'}"], None)
    execute(plan, LocalRunner())
    expected, most = _left_behind.hashes(str(folder / "reference"), _SINKS), commits(folder / "reference")
    for number in numbers:
        started, seed = time.perf_counter(), drawn(number, folder / f"run-{number}", most)
        problem = seed.go()
        if not problem and _left_behind.hashes(str(seed.run), _SINKS) != expected:
            problem = "other files than those of the undisturbed run"
        yield seed, problem, time.perf_counter() - started


def main() -> int:
    """Returns the exit status: 1 if a seed did not end as it must."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--only", type=int, nargs="+")
    given = parser.parse_args()
    done = bad = 0
    with tempfile.TemporaryDirectory(prefix="cluster-changes-") as folder:
        for seed, problem, seconds in outcomes(Path(folder), given.only or list(range(given.seeds))):
            done, bad = done + 1, bad + bool(problem)
            print(
                f"{seed.number:>4}  {seconds:>5.0f} s  {', '.join(seed.happened)}{'; WRONG: ' * bool(problem)}{problem}",
                flush=True,
            )
    print(f"{done - bad} of {done}: the same files, balanced books, no process left")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
