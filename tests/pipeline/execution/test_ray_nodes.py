"""How many workers fit the nodes that are up, and the wait for a node."""

from __future__ import annotations

import pytest

from interloom.pipeline.execution.ray_nodes import Wait, fitting, with_memory
from interloom.pipeline.execution.resources import Node
from interloom.pipeline.planning.worker_needs import Needs


@pytest.mark.parametrize(
    ("needs", "nodes", "workers"),
    [
        (Needs(cpus=2), [Node(3, 0), Node(3, 0)], 2),  # 6 CPUs, but not 3 workers
        (Needs(cpus=1, gpus=0.5), [Node(16, 1), Node(16, 0)], 2),
        (Needs(cpus=8, gpus=0.5), [Node(9, 2)], 1),
        (Needs(cpus=1, gpus=1), [Node(16, 0)], 0),
        (Needs(cpus=1, memory_bytes=3), [Node(16, 0, 7), Node(1, 0)], 3),
        (Needs(), [], 0),
    ],
)
def test_workers_fit_nodes_one_by_one(needs: Needs, nodes: list[Node], workers: int) -> None:
    assert fitting(needs, nodes) == workers


@pytest.mark.parametrize(
    ("needs", "nodes", "reserved"),
    [
        (Needs(usual_bytes=5), [Node(2, 0, 9)], 5),
        (Needs(usual_bytes=5, memory_bytes=7), [Node(2, 0, 3)], 7),  # as the recipe says, even if no node has it
        (Needs(usual_bytes=5), [Node(2, 0, 3), Node(2, 0, 4)], 4),
        (Needs(cpus=4, usual_bytes=5), [Node(8, 0, 4), Node(2, 0, 9)], 4),  # the large node has too few CPUs
        (Needs(gpus=1, usual_bytes=5), [Node(8, 0, 4)], 5),  # the node with a GPU is yet to come
        (Needs(usual_bytes=5), [Node(2, 0, 0)], None),
    ],
)
def test_a_worker_reserves_what_its_steps_usually_hold_but_no_more_than_a_node_has(
    needs: Needs, nodes: list[Node], reserved: int | None
) -> None:
    assert with_memory(needs, nodes).memory_bytes == reserved


def test_a_wait_is_told_when_it_begins_every_minute_and_when_it_ends() -> None:
    wait = Wait("score_clip", Needs(cpus=4, gpus=1), 1800)
    lines = [wait.look(now, 3, fits) for now, fits in [(5, True), (10, False), (30, False), (70, False), (90, True), (95, True)]]
    asks = "a node with 4 CPUs, 1 GPUs"
    assert lines == [
        "",
        f"score_clip waits for {asks}, which none of 3 has: 0 of at most 1800 s (--wait-for-nodes-s)",
        "",
        f"score_clip waits for {asks}, which none of 3 has: 60 of at most 1800 s (--wait-for-nodes-s)",
        f"score_clip: {asks} is there after 80 s",
        "",
    ]


def test_a_wait_is_over_after_its_limit_counted_from_when_no_node_fits() -> None:
    wait = Wait("score_clip", Needs(gpus=1), 60)
    wait.look(100, 1, False)
    assert (wait.is_over(159), wait.is_over(160)) == (False, True)
    wait.look(170, 1, True)
    assert wait.is_over(1000) is False
    assert wait.failure() == (
        "no node with 1 CPUs, 1 GPUs came up within 60 s; "
        "check that its node group can start nodes, or give it longer with --wait-for-nodes-s"
    )
