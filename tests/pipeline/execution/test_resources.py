"""What this machine has, and what its container leaves of it."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from interloom.pipeline.errors import FatalError
from interloom.pipeline.execution import resources
from interloom.pipeline.execution.resources import Capacity, Node, most_of, nodes_up

MACHINE = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


@pytest.mark.parametrize(
    ("groups", "files", "expected"),
    [
        ("0::/\n", {"memory.max": "1000\n"}, 1000),
        ("0::/\n", {"memory.max": "max\n"}, MACHINE),
        ("0::/a/b\n", {"memory.max": "3000\n", "a/memory.max": "2000\n", "a/b/memory.max": "max\n"}, 2000),
        ("3:cpu:/c\n2:memory:/c\n0::/\n", {"memory/c/memory.limit_in_bytes": "1000", "cpu/c/memory.max": "1"}, 1000),
        ("2:memory:/c\n", {"memory/memory.limit_in_bytes": "9223372036854771712"}, MACHINE),
        (None, {}, MACHINE),
    ],
)
def test_memory_is_that_of_the_container_or_of_the_machine(
    tmp_path: Path, groups: str | None, files: dict[str, str], expected: int
) -> None:
    for name, text in {**{f"sys/fs/cgroup/{name}": text for name, text in files.items()}, "proc/self/cgroup": groups}.items():
        if text is not None:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
    assert resources.memory_bytes(tmp_path) == expected


HEAD = Node(4, 0, 8e9)
INFINITE = float("inf")


def autoscaler(*kinds: tuple[dict[str, int], int], **limits: int) -> Any:
    """What Ray tells of an autoscaler: kinds of nodes with the greatest number of each, and limits of the whole cluster."""
    messages: Any = import_module("ray.core.generated.autoscaler_pb2")
    groups = [messages.NodeGroupConfig(resources=has, max_count=count, name=f"kind-{n}") for n, (has, count) in enumerate(kinds)]
    return messages.ClusterConfig(node_group_configs=groups, max_resources=limits)


@pytest.mark.parametrize(
    ("kinds", "limits", "cpus", "gpus"),
    [
        ([({"CPU": 8, "GPU": 1}, 10)], {}, 80, 10),
        ([({"CPU": 8, "GPU": 1}, -1)], {}, INFINITE, INFINITE),
        ([({"CPU": 8}, -1), ({"CPU": 2, "GPU": 4}, 3)], {}, INFINITE, 12),
        ([({"CPU": 8, "GPU": 1}, -1)], {"CPU": 100, "GPU": 2}, 100, 2),
        ([({"CPU": 1}, 2)], {}, 4, 0),
    ],
)
def test_a_cluster_that_grows_has_what_its_kinds_of_nodes_and_its_limits_allow(
    kinds: Any, limits: dict[str, int], cpus: float, gpus: float
) -> None:
    most = most_of(autoscaler(*kinds, **limits), [HEAD], "there")
    assert (most.cpus, most.gpus, most.where) == (cpus, gpus, "there")


def test_the_kinds_of_nodes_are_told_and_those_of_which_there_may_be_none_left_out() -> None:
    config = autoscaler(({"CPU": 8, "memory": 1000}, 1), ({"GPU": 8}, 0))
    assert most_of(config, [HEAD], "there") == Capacity(8.0, 0.0, "there", (HEAD, Node(8, 0, 1000)))


def test_a_driver_whose_own_node_has_died_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray starts nothing more for it, and leaves what it has been asked to do undone for ever."""
    import ray

    own: dict[str, Any] = {"NodeID": "own", "Alive": True, "Resources": {"CPU": 2.0}}
    monkeypatch.setattr(ray, "nodes", lambda: [own, {"NodeID": "other", "Alive": True, "Resources": {"CPU": 8.0}}])
    monkeypatch.setattr(ray, "get_runtime_context", lambda: SimpleNamespace(get_node_id=lambda: "own"))
    assert nodes_up() == [Node(2.0, 0.0), Node(8.0, 0.0)]
    own["Alive"] = False
    told = "^Ray has died on the machine of the driver, so no unit can be started; the same command resumes the run$"
    with pytest.raises(FatalError, match=told):
        nodes_up()
