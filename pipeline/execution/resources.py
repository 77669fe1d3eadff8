"""What this machine has, found without importing torch or ray."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Capacity:
    """CPU cores and GPUs that a run may use, and `where` in words for messages."""

    cpus: float
    gpus: float
    where: str


def here() -> Capacity:
    """This machine: the cores this process may use, and the GPUs that the NVIDIA driver lists (all hidden ones left out)."""
    shown = os.environ.get("CUDA_VISIBLE_DEVICES")
    listed = len(list(Path("/proc/driver/nvidia/gpus").glob("*")))
    gpus = listed if shown is None else min(listed, len([g for g in shown.split(",") if g.strip() not in ("", "-1")]))
    return Capacity(
        float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1), gpus, "this machine"
    )


def memory_bytes(system: Path = Path("/")) -> int:
    """The memory that this process can have: that of the machine, or of its container if that is less."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *_memory_of_control_groups(system)])


def _memory_of_control_groups(system: Path) -> Iterator[int]:
    """The limits of this process's control groups (containers) and of those around them, version 1 (`memory.limit_in_bytes`) or 2
    (`memory.max`, which is a number or "max"). `system` is where proc/ and sys/ lie."""
    groups = system / "proc/self/cgroup"
    for line in groups.read_text().splitlines() if groups.exists() else ():
        _, controllers, group = line.split(":", 2)
        if controllers not in ("", "memory"):
            continue
        top, name = system / "sys/fs/cgroup" / controllers, "memory.limit_in_bytes" if controllers else "memory.max"
        innermost = top / group.strip("/")
        for folder in (innermost, *innermost.parents):
            file = folder / name
            if folder.is_relative_to(top) and file.exists() and (text := file.read_text().strip()).isdigit():
                yield int(text)


def cluster(address: str) -> Capacity:
    """What the Ray cluster that this process is connected to has; `address` names it in messages."""
    import ray

    total = ray.cluster_resources()
    return Capacity(total.get("CPU", 0.0), total.get("GPU", 0.0), f"the cluster at {address}")
