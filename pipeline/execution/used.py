"""What work takes of a machine: CPU time with that of child processes, memory, requests and bytes."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, Self, TypeVar

from interloom.pipeline import child_process
from interloom.pipeline.store import traffic

P = ParamSpec("P")
T = TypeVar("T")

WHOLE = ""
"""The key of what a whole unit used, beside the keys of its steps."""
_HIGH_WATER = "VmHWM:"
_RESET_HIGH_WATER = "5"  # written to clear_refs: see proc(5)


@dataclass(slots=True)
class Used:
    """CPU seconds, of this process and of its children; requests and bytes by `store/traffic.py`; memory at its peak, and what
    the process held before."""

    cpu_s: float = 0.0
    gets: int = 0
    puts: int = 0
    lists: int = 0
    read_bytes: int = 0
    written_bytes: int = 0
    peak_bytes: int = 0
    held_bytes: int = 0

    def add(self, other: Used) -> None:
        """Adds what other work used; of peaks the higher one counts."""
        for name in _SUMS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.peak_bytes = max(self.peak_bytes, other.peak_bytes)
        self.held_bytes = max(self.held_bytes, other.held_bytes)

    def without(self, part: Used) -> Used:
        """What is left of it without a part, not less than nothing."""
        left: dict[str, Any] = {name: max(getattr(self, name) - getattr(part, name), 0) for name in _SUMS}
        return Used(**left, peak_bytes=self.peak_bytes, held_bytes=self.held_bytes)

    def to_json(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        return cls(**values)


_SUMS = tuple(each.name for each in fields(Used) if each.name not in ("peak_bytes", "held_bytes"))

UsedBySteps = dict[str, Used]
"""By the keys of steps, and WHOLE."""


def so_far() -> Used:
    """What this process has used since it began."""
    counted = traffic.so_far()
    cpu_s = time.process_time() + child_process.cpu_s()
    return Used(cpu_s, counted.gets, counted.puts, counted.lists, counted.read_bytes, counted.written_bytes)


@contextmanager
def metered(used: UsedBySteps, key: str) -> Iterator[None]:
    """Adds what happens inside to what this key has used."""
    before = so_far()
    try:
        yield
    finally:
        used.setdefault(key, Used()).add(so_far().without(before))


def metering(used: UsedBySteps, key: str, function: Callable[P, T]) -> Callable[P, T]:
    """The function; each call is metered."""

    @wraps(function)
    def measured(*args: P.args, **kwargs: P.kwargs) -> T:
        with metered(used, key):
            return function(*args, **kwargs)

    return measured


def forget_peak(system: Path = Path("/proc/self")) -> int:
    """Lets the peak of memory begin at what this process holds now, where the kernel can. Returns that, in bytes."""
    with suppress(OSError):
        (system / "clear_refs").write_text(_RESET_HIGH_WATER)
    return _peak(system)


def peak_bytes(system: Path = Path("/proc/self")) -> int:
    """The most memory that this process held since `forget_peak`, with that of the largest child that lives."""
    children = max((_peak(Path(f"/proc/{pid}")) for pid in child_process.living()), default=0)
    return (_peak(system) or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024) + children


def _peak(process: Path) -> int:
    with suppress(OSError):
        for line in (process / "status").read_text().splitlines():
            if line.startswith(_HIGH_WATER):
                return int(line.split()[1]) * 1024
    return 0
