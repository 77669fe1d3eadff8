"""Runs a recipe on a Ray cluster (all on this machine) whose nodes with GPUs come late, and one of which goes while it works.

The run waits for its first node; once that one has committed a unit, another comes, and it goes. Prints a line of JSON: what was
told, the states of all actors at the end.
"""

import json
import os
import sys
from typing import Any

os.environ["RAY_AUTH_MODE"] = "disabled"

import ray
from ray.cluster_utils import Cluster

from interloom.jobs import _plan
from interloom.pipeline.execution.driver import execute
from interloom.pipeline.execution.phase_run import Progress
from interloom.pipeline.execution.runner_ray import RayRunner

PHASE = "stops_its_model"


class Nodes:
    """Adds and removes nodes when the run tells that it is time."""

    def __init__(self, cluster: Any) -> None:
        self.cluster, self.told, self.came = cluster, list[str](), list[Any]()

    def report(self, progress: Progress) -> None:
        if progress.note:
            self.told.append(progress.note)
        if " waits for a node with " in progress.note and not self.came:
            self.come()
        elif progress.phase == PHASE and progress.ended and len(self.came) == 1:
            self.come()
            self.cluster.remove_node(self.came[0], allow_graceful=False)

    def come(self) -> None:
        self.came.append(self.cluster.add_node(num_cpus=1, num_gpus=1))


if __name__ == "__main__":
    recipe, folder = sys.argv[1:]
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "num_gpus": 0})
    nodes = Nodes(cluster)
    try:
        plan, _ = _plan.planned(recipe, [f"run={folder}"], None)
        runner = RayRunner(cluster.address, wait_for_nodes_s=120)
        execute(plan, runner, report=nodes.report)
        from ray._private.state import actors

        states = [actor["State"] for actor in actors().values()]
        sys.stdout.write(json.dumps({"told": nodes.told, "actors": states}) + "\n")
    finally:
        ray.shutdown()
        cluster.shutdown()
