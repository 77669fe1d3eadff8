"""What this machine has, found without importing torch or ray."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interloom.pipeline.errors import FatalError


@dataclass(frozen=True, slots=True)
class Node:
    """What one node of a cluster has. A worker runs on one node."""

    cpus: float
    gpus: float
    memory_bytes: float = float("inf")

    def __str__(self) -> str:
        memory = f" and {self.memory_bytes / 1e9:.1f} GB" if 0 < self.memory_bytes < float("inf") else ""
        return f"{self.cpus:g} CPUs, {self.gpus:g} GPUs{memory}"

    def holds(self, worker: Node) -> bool:
        """Whether a worker that takes so much fits on it."""
        return worker.cpus <= self.cpus and worker.gpus <= self.gpus and worker.memory_bytes <= self.memory_bytes


@dataclass(frozen=True, slots=True)
class Capacity:
    """CPU cores and GPUs that a run may use, and `where` in words for messages; `nodes` are the kinds of nodes of a cluster."""

    cpus: float
    gpus: float
    where: str
    nodes: tuple[Node, ...] = ()


def fits_nowhere(name: str, worker: Node, nodes: Sequence[Node], where: str) -> str:
    """The line for a step or phase whose worker fits on none of these nodes."""
    there = " or ".join(dict.fromkeys(map(str, nodes)))
    return f"{name} asks for {worker} for one worker; no node of {where} has that: they have {there}"


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


def reachable(address: str) -> Capacity | None:
    """What the Ray cluster that this process is connected to has or can come to have: its nodes, and those of its autoscaler's
    configuration. None if it may grow and Ray does not say by what."""
    from ray._private.state import state

    where = f"the cluster at {address}"
    up = nodes_up()
    if (config := state.get_cluster_config()) and config.node_group_configs:
        return most_of(config, up, where)
    return Capacity(sum(node.cpus for node in up), sum(node.gpus for node in up), where, tuple(up)) if is_static() else None


def most_of(config: Any, up: Sequence[Node], where: str) -> Capacity:
    """What a cluster can come to have by its autoscaler's configuration (Ray's message `ClusterConfig`), in which a negative
    number of nodes is no limit, and `max_resources` limits the whole cluster; in any case what is `up`."""
    kinds = [(_node(dict(kind.resources)), kind.max_count) for kind in config.node_group_configs if kind.max_count]
    totals = dict[str, float]()
    for resource, name in (("CPU", "cpus"), ("GPU", "gpus")):
        new = sum(getattr(node, name) * (count if count > 0 else float("inf")) for node, count in kinds if getattr(node, name))
        limited = min(new, config.max_resources.get(resource, float("inf")))
        totals[name] = float(max(limited, sum(getattr(node, name) for node in up)))
    return Capacity(totals["cpus"], totals["gpus"], where, (*up, *(node for node, _ in kinds)))


def nodes_up() -> list[Node]:
    """The nodes of the cluster that this process is connected to.

    Raises FatalError if its own is not among them: Ray then starts nothing more for this process, and does not say so.
    """
    import ray

    up = {node["NodeID"]: _node(node["Resources"]) for node in ray.nodes() if node["Alive"]}
    if ray.get_runtime_context().get_node_id() not in up:
        raise FatalError("Ray has died on the machine of the driver, so no unit can be started; the same command resumes the run")
    return list(up.values())


def _node(resources: Mapping[str, float]) -> Node:
    return Node(resources.get("CPU", 0.0), resources.get("GPU", 0.0), resources.get("memory", float("inf")))


def is_static() -> bool:
    """Whether the cluster has no autoscaler: Ray then names the type of each node after the node."""
    from ray._private.ray_constants import DEBUG_AUTOSCALING_STATUS
    from ray.experimental.internal_kv import _internal_kv_get

    status = json.loads(_internal_kv_get(DEBUG_AUTOSCALING_STATUS) or b"{}")
    types = (status.get("autoscaler_report") or {}).get("node_type_mapping") or {}
    return bool(types) and all(type_.startswith("node_") for type_ in types.values())
