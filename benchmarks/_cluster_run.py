"""Runs a recipe on a Ray cluster of so many nodes, all on this machine: `python -m benchmarks._cluster_run RECIPE RUN NODES`."""

from __future__ import annotations

import os
import sys

os.environ["RAY_AUTH_MODE"] = "disabled"


def main(recipe: str, run: str, nodes: int) -> None:
    """Runs the recipe; the cluster ends with the run."""
    import ray
    from ray.cluster_utils import Cluster

    from interloom.jobs import _plan
    from interloom.pipeline.execution.driver import execute
    from interloom.pipeline.execution.runner_ray import RayRunner

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        for _ in range(nodes - 1):
            cluster.add_node(num_cpus=1)
        plan, _ = _plan.planned(recipe, [f"run={run}"], None)
        execute(plan, RayRunner(cluster.address))
    finally:
        ray.shutdown()
        cluster.shutdown()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
