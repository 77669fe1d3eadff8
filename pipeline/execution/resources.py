"""What this machine has, found without importing torch or ray."""

from __future__ import annotations

import os
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


def cluster(address: str) -> Capacity:
    """What the Ray cluster that this process is connected to has; `address` names it in messages."""
    import ray

    total = ray.cluster_resources()
    return Capacity(total.get("CPU", 0.0), total.get("GPU", 0.0), f"the cluster at {address}")
