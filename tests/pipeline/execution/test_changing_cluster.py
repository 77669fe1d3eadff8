"""A phase that no node of the cluster fits waits for one that does; nodes that come are used, and one that goes is survived."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from interloom.jobs import _plan
from interloom.pipeline.errors import FatalError
from interloom.pipeline.execution.driver import execute
from interloom.pipeline.execution.runner_local import LocalRunner
from interloom.pipeline.execution.runner_ray import RayRunner

pytestmark = [pytest.mark.slow, pytest.mark.ray]

SCRIPT = Path(__file__).parents[2] / "plugins" / "run_on_nodes_that_come_and_go.py"
ON_A_GPU = {"use": "stops_its_model", "resources": {"gpus": 1}}


@pytest.fixture
def file(recipe: Callable[..., str], tmp_path: Path) -> str:
    """A recipe of ten units that take a second each on a GPU."""
    (tmp_path / "in").mkdir()
    for n in range(10):
        (tmp_path / "in" / f"{n}.jsonl").write_text(json.dumps({"text": "wait 1"}) + "\n")
    return recipe(("stages.read_documents", {"paths": str(tmp_path / "in")}), ON_A_GPU, "stages.write_parquet")


def shards(run: Path) -> list[bytes]:
    """The bytes of the shards that a run wrote."""
    files = sorted((run / "write_parquet").rglob("shard-*.parquet"))
    assert files
    return [file.read_bytes() for file in files]


def test_a_phase_waits_for_its_node_and_goes_on_when_nodes_come_and_go(file: str, tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT), file, str(tmp_path / "ray")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=250)
    assert done.returncode == 0, done.stderr
    [told] = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"told"')]  # Ray prints there, too
    plan, _ = _plan.planned(file, [f"run={tmp_path / 'here'}"], None)
    execute(plan, LocalRunner())
    assert shards(tmp_path / "ray") == shards(tmp_path / "here")
    wait, arrival = told["told"][:2]
    assert wait.startswith(
        "stops_its_model waits for a node with 1 CPUs, 1 GPUs and 0.2 GB, which none of 1 has: 0 of at most 120 s"
    )
    assert arrival.startswith("stops_its_model: a node with 1 CPUs, 1 GPUs and 0.2 GB is there after ")
    assert len(told["actors"]) >= 2
    assert set(told["actors"]) == {"DEAD"}  # the pool has ended with its phase


def test_a_phase_whose_node_does_not_come_fails_after_the_limit_and_the_others_are_finished(file: str) -> None:
    import ray

    ray.init(address="local", num_cpus=1, num_gpus=0, include_dashboard=False, log_to_driver=False)
    try:
        plan, _ = _plan.planned(file, [], None)
        runner = RayRunner(ray.get_runtime_context().gcs_address, wait_for_nodes_s=1)
        error = "^10 of 10 units of stops_its_model failed; the first: no node with 1 CPUs, 1 GPUs and 0.2 GB came up within 1 s"
        with pytest.raises(FatalError, match=error):
            execute(plan, runner)
        assert len(list(Path(plan.run).glob("work/read_documents-*/commits/*.json"))) == 10
    finally:
        ray.shutdown()
