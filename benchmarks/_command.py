"""A whole command as a subprocess: seconds from start to end, processor time and peak memory of it and all its descendants.

Both are sampled five times a second from /proc: memory as PSS, in which pages that processes share count once. What lies
between two samples (a short peak, the last moments of a process) is missed.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_SAMPLE_S = 0.2
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Spent:
    """What a command took."""

    seconds: float
    cpu_s: float
    peak_mb: float


def spent(command: Sequence[str], log: Path, **environment: str) -> Spent:
    """Runs the command in the repository, its output in `log`. Raises RuntimeError with the end of it if the command fails."""
    root = str(Path(__file__).parents[1])
    settings = {**os.environ, "PYTHONPATH": root, **environment}
    started, peak, cpu = time.perf_counter(), 0, dict[int, float]()
    with log.open("wb") as out:
        child = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, cwd=root, env=settings)
        while child.poll() is None:
            family = _family(cpu.keys() | {child.pid})
            cpu |= family
            peak = max(peak, sum(map(_bytes, family)))
            with suppress(subprocess.TimeoutExpired):
                child.wait(_SAMPLE_S)
    seconds = time.perf_counter() - started
    if child.returncode:
        raise RuntimeError(f"{command[0]} ended with {child.returncode}:\n{log.read_text(errors='replace')[-2000:]}")
    return Spent(seconds, sum(cpu.values()), peak / 1e6)


def _family(known: set[int]) -> Mapping[int, float]:
    """Those processes that live, and their descendants, with their seconds of processor time."""
    processes = _processes()
    family = known & processes.keys()
    while more := {child for child, (parent, _) in processes.items() if parent in family} - family:
        family |= more
    return {process: processes[process][1] for process in family}


def _processes() -> Mapping[int, tuple[int, float]]:
    """The parent of each process and its processor time."""
    found = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with suppress(OSError):
                words = Path(entry.path, "stat").read_text().rpartition(")")[2].split()
                found[int(entry.name)] = int(words[1]), (int(words[11]) + int(words[12])) * _TICK_S
    return found


def _bytes(process: int) -> int:
    with suppress(OSError, ValueError, StopIteration):
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("Pss:")).split()[1])
    return 0
