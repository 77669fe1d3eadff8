"""Runs small recipes one after the other for an hour in one process: `python -m benchmarks soak [--minutes 60] [--runner local]`.

A line a minute: runs so far, memory (RSS) of this process, its open files, threads and child processes, and what Interloom has in
its folder for temporary files. Fails if the last of these are above the first after the warm-up: a count that grew, or memory
that grew by more than a tenth.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import threading
import time
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks import _left_behind
from interloom.jobs import _plan
from interloom.jobs.demo.crawl import make_crawl
from interloom.pipeline.execution.driver import execute
from interloom.pipeline.execution.phase_run import Runner
from interloom.pipeline.execution.runner_local import LocalRunner

_STEPS = (
    {"use": "stages.read_warc", "with": {"paths": "${INTERLOOM_DEMO}/crawl/*.warc.gz"}},
    *({"use": use} for use in ("stages.extract_html", "filters.word_count", "stages.dedup_exact", "stages.dedup_minhash")),
    *({"use": use} for use in ("stages.fetch_images", "stages.decode_images", "stages.dedup_image", "stages.write_webdataset")),
)
_WARM_UP_RUNS = 5
_GROWTH = 1.1
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Held:
    """What this process holds."""

    memory_mb: float
    files: int
    threads: int
    children: int
    temporary: int

    @classmethod
    def now(cls) -> Held:
        """What it holds at the moment."""
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        children = sum(len((task / "children").read_text().split()) for task in Path("/proc/self/task").iterdir())
        files, temporary = len(os.listdir("/proc/self/fd")), len(_left_behind.temporary(tempfile.gettempdir()))
        return cls(pages * _PAGE_BYTES / 1e6, files, threading.active_count(), children, temporary)

    def above(self, first: Held) -> list[str]:
        """In what it is above the first one."""
        grown = [f"memory {first.memory_mb:.0f} -> {self.memory_mb:.0f} MB"] if self.memory_mb > _GROWTH * first.memory_mb else []
        counts = zip(("files", "threads", "children", "temporary"), astuple(first)[1:], astuple(self)[1:], strict=True)
        return grown + [f"{name} {before} -> {now}" for name, before, now in counts if now > before]

    def __str__(self) -> str:
        return f"{self.memory_mb:>8.0f}{self.files:>7}{self.threads:>9}{self.children:>10}{self.temporary:>11}"


def one_run(folder: Path, runner: str) -> None:
    """One run from nothing; what it wrote is removed."""
    run = folder / "run"
    recipe = folder / "soak.yaml"
    recipe.write_text(yaml.safe_dump({"name": "soak", "run": str(run), "steps": list(_STEPS)}))
    plan, _ = _plan.planned(str(recipe), (), None)
    execute(plan, _runner(runner))
    shutil.rmtree(run)


def _runner(name: str) -> Runner:
    if name == "local":
        return LocalRunner()
    from interloom.pipeline.execution.runner_ray import RayRunner

    return RayRunner()  # the first one starts Ray, which the others find


def main() -> int:
    """Returns the exit status: 1 if something grew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--runner", choices=("local", "ray"), default="local")
    given: Any = parser.parse_args()
    print(f"{'minute':>6}{'runs':>7}{'MB':>8}{'files':>7}{'threads':>9}{'children':>10}{'temporary':>11}")
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        folder = Path(name)
        (folder / "temporary").mkdir()
        tempfile.tempdir = os.environ["TMPDIR"] = str(folder / "temporary")  # others' files do not count
        make_crawl(folder / "crawl", pages=60)
        os.environ["INTERLOOM_DEMO"] = name
        started, told, runs = time.monotonic(), 0, 0
        first = last = Held.now()
        while time.monotonic() - started < 60 * given.minutes or runs <= _WARM_UP_RUNS:
            one_run(folder, given.runner)
            runs, last = runs + 1, Held.now()
            first = last if runs <= _WARM_UP_RUNS else first
            if (minute := int((time.monotonic() - started) / 60)) > told or runs == _WARM_UP_RUNS:
                told = minute
                print(f"{minute:>6}{runs:>7}{last}", flush=True)
    grown = last.above(first)
    print(f"{runs} runs: {'; '.join(grown) or 'nothing grew'}")
    return int(bool(grown))


if __name__ == "__main__":
    sys.exit(main())
