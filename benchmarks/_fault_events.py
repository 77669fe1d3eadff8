"""What happens to the processes of a run: each is known by a variable of its environment, which its children inherit."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MARK = "INTERLOOM_FAULTS_MARK"
_RAY_HELPERS = ("raylet", "gcs_server")


@dataclass(frozen=True, slots=True)
class Process:
    """A process of the run: its number, its parent's, its short name, and its command line."""

    pid: int
    parent: int
    name: str
    command: str

    @property
    def is_worker(self) -> bool:
        """Whether it runs a unit on Ray now."""
        return self.command.startswith(("ray::run_there", "ray::_Actor"))


def processes(mark: str) -> dict[int, Process]:
    """The processes that have this mark, by number."""
    entries = ((int(name), _read(int(name), mark)) for name in os.listdir("/proc") if name.isdigit())
    return {pid: process for pid, process in entries if process is not None}


def _read(pid: int, mark: str) -> Process | None:
    place = Path("/proc", str(pid))
    with suppress(OSError):
        if f"{MARK}={mark}".encode() not in (place / "environ").read_bytes().split(b"\0"):
            return None
        name, _, fields = (place / "stat").read_text().partition(" (")[2].rpartition(") ")
        state, parent = fields.split()[:2]
        command = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        return None if state in "ZX" else Process(pid, int(parent), name, command)
    return None


def victims(kind: str, driver: int, there: Mapping[int, Process]) -> list[Process]:
    """The processes that an event of this kind may kill."""
    if kind == "driver":
        return [process for process in there.values() if process.pid == driver]
    if kind == "worker":
        return [process for process in there.values() if process.is_worker]
    if kind == "raylet":
        return [process for process in there.values() if process.name == "raylet"]
    workers = {driver} | {process.pid for process in there.values() if process.command.startswith("ray::")}
    children = [process for process in there.values() if process.parent in workers]
    return [
        child
        for child in children
        if child.name not in _RAY_HELPERS and "/ray/" not in child.command and "ray::" not in child.command
    ]


def kill_one(kind: str, mark: str, driver: int, draw: random.Random) -> str:
    """Kills (SIGKILL) a process of this kind. Returns what it was; empty if there is none now."""
    there = victims(kind, driver, processes(mark))
    if not there:
        return ""
    process = draw.choice(sorted(there, key=lambda victim: victim.pid))
    with suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGKILL)
        return f"{kind} {process.name}"
    return ""


def left_after(mark: str, seconds: float = 60.0) -> list[Process]:
    """The processes with the mark that are still there after a while."""
    return _until_empty(lambda: list(processes(mark).values()), seconds)


def end_all(mark: str) -> None:
    """Kills what has the mark."""
    for pid in processes(mark):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _until_empty(there: Callable[[], list[Process]], seconds: float) -> list[Process]:
    deadline = time.monotonic() + seconds
    while (left := there()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left
