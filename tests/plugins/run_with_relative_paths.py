"""Runs a recipe with relative paths on a Ray cluster that was started in another folder: from a driver's folder, and as a job
with a working directory. Prints the text that was read each time. `sys.argv[1]` holds the folders driver, cluster and job."""

import os
import sys
from pathlib import Path

os.environ["RAY_AUTH_MODE"] = "disabled"

import ray
import yaml
from ray.cluster_utils import Cluster

from interloom.jobs import _plan
from interloom.jobs.demo.run import finished_documents
from interloom.pipeline.execution.driver import execute
from interloom.pipeline.execution.runner_ray import RayRunner


def text_read(root: Path, name: str) -> str:
    source = {"use": "stages.read_documents", "with": {"paths": "x.jsonl"}}
    recipe = {"name": "relative", "run": str(root / f"run-{name}"), "steps": [source, {"use": "stages.write_parquet"}]}
    Path("recipe.yaml").write_text(yaml.safe_dump(recipe))
    plan, text = _plan.planned("recipe.yaml", [], None)
    execute(plan, RayRunner(cluster.address), text)
    [document] = finished_documents(f"{plan.run}/write_parquet")
    return document.text


if __name__ == "__main__":
    root = Path(sys.argv[1])
    os.chdir(root / "cluster")
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2})
    try:
        os.chdir(root / "driver")
        sys.stdout.write(text_read(root, "driver") + "\n")
        ray.shutdown()
        os.chdir(root / "job")
        ray.init(address=cluster.address, runtime_env={"working_dir": str(root / "job")}, log_to_driver=False)
        sys.stdout.write(text_read(root, "job") + "\n")
    finally:
        ray.shutdown()
        cluster.shutdown()
