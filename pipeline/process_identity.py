"""Which process: told apart from all others that had or will have its number, so that one can tell whether it is dead."""

from __future__ import annotations

import hashlib
import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process: its number, where numbers mean what this one does (`machine`, a digest of boot and namespace), and when it
    started, in ticks since boot; 0 where that is not known."""

    machine: str
    pid: int
    started: int

    def __str__(self) -> str:
        return f"{self.machine}-{self.pid}-{self.started}"

    @classmethod
    def parse(cls, text: str) -> ProcessIdentity | None:
        """The process that `str` described; None for anything else."""
        names = text.split("-")
        if len(names) != 3 or not (names[1].isdigit() and names[2].isdigit()):
            return None
        return cls(names[0], int(names[1]), int(names[2]))

    def is_of_this_machine(self) -> bool:
        return self.machine == _machine()

    def is_dead(self) -> bool:
        """Whether it is known to be dead. Nothing is known of processes of other machines."""
        return self.is_of_this_machine() and _started(self.pid) != self.started


def this_process() -> ProcessIdentity:
    pid = os.getpid()
    return ProcessIdentity(_machine(), pid, _started(pid) or 0)


@lru_cache(maxsize=1)
def _machine() -> str:
    marks = [socket.gethostname()]
    with suppress(OSError):
        marks += [(_PROC / "sys/kernel/random/boot_id").read_text(), os.readlink(_PROC / "self/ns/pid")]
    return hashlib.sha256("\n".join(marks).encode()).hexdigest()[:12]


def _started(pid: int) -> int | None:
    """When a process of this machine started; None if there is none, or only what is left of it until its parent looks."""
    try:
        state, *fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return None if _PROC.joinpath("self").exists() or not _runs(pid) else 0
    except ProcessLookupError:
        return None
    return None if state in "ZX" else int(fields[18])


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
