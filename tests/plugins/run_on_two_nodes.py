"""Runs a recipe on a Ray cluster of two nodes (both on this machine) that share nothing but the object store of the run."""

import os
import sys

os.environ["RAY_AUTH_MODE"] = "disabled"

import ray
from ray.cluster_utils import Cluster

from interloom.jobs import _plan
from interloom.pipeline.execution.driver import execute
from interloom.pipeline.execution.runner_ray import RayRunner

if __name__ == "__main__":
    recipe, folder = sys.argv[1:]
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        cluster.add_node(num_cpus=1)
        plan, _ = _plan.planned(recipe, [f"run={folder}"], None)
        execute(plan, RayRunner(cluster.address))
    finally:
        ray.shutdown()
        cluster.shutdown()
