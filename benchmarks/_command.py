"""Measures a whole command run as a subprocess: its duration, and the processor time and peak memory of all its processes.

Processor time and memory are sampled from /proc five times a second. Memory is PSS, in which pages that several processes share
count once. A peak between two samples, or the last moments of a process, is missed.
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
"""Seconds between two samples."""
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """Duration in seconds, processor time in seconds, and peak memory in MB (10**6 bytes) of a command; `own_peak_mb` is that of
    its first process alone, which on Ray is the driver."""

    seconds: float
    cpu_s: float
    peak_mb: float
    own_peak_mb: float


def measure(command: Sequence[str], log: Path, **environment: str) -> Usage:
    """Runs the command in the repository and writes its output to `log`; `environment` are further environment variables.

    Raises RuntimeError with the end of the output if the command fails.
    """
    root = str(Path(__file__).parents[1])
    settings = {**os.environ, "PYTHONPATH": os.pathsep.join([root, f"{root}/src"]), **environment}
    started, peak, own_peak, cpu = time.perf_counter(), 0, 0, dict[int, float]()
    with log.open("wb") as out:
        child = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, cwd=root, env=settings)
        while child.poll() is None:
            processes = _with_descendants(cpu.keys() | {child.pid})
            cpu |= processes
            memory = {process: _memory_bytes(process) for process in processes}
            peak, own_peak = max(peak, sum(memory.values())), max(own_peak, memory.get(child.pid, 0))
            with suppress(subprocess.TimeoutExpired):
                child.wait(_SAMPLE_S)
    seconds = time.perf_counter() - started
    if child.returncode:
        raise RuntimeError(f"{command[0]} ended with {child.returncode}:\n{log.read_text(errors='replace')[-2000:]}")
    return Usage(seconds, sum(cpu.values()), peak / 1e6, own_peak / 1e6)


def _with_descendants(known: set[int]) -> Mapping[int, float]:
    """The ids of those of the processes that are alive and of their descendants, each with its processor time in seconds."""
    processes = _processes()
    alive = known & processes.keys()
    while children := {child for child, (parent, _) in processes.items() if parent in alive} - alive:
        alive |= children
    return {process: processes[process][1] for process in alive}


def _processes() -> Mapping[int, tuple[int, float]]:
    """The parent of each process and its processor time in seconds."""
    processes = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with suppress(OSError):
                fields = Path(entry.path, "stat").read_text().rpartition(")")[2].split()  # the process name may have blanks
                processes[int(entry.name)] = int(fields[1]), (int(fields[11]) + int(fields[12])) * _TICK_S
    return processes


def _memory_bytes(process: int) -> int:
    """The PSS of a process; 0 if it has ended."""
    with suppress(OSError, ValueError, StopIteration):
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("Pss:")).split()[1])
    return 0
