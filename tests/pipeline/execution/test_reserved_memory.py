"""Workers on a Ray cluster with many CPUs and little memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from interloom.pipeline.execution.driver import execute, summary
from interloom.pipeline.execution.runner_ray import RayRunner
from interloom.pipeline.planning.plan import Plan

pytestmark = [pytest.mark.slow, pytest.mark.ray]

Planned = Callable[..., Plan]
HAS = 330_000_000
"""Enough for one worker that keeps a model (210 MB), and not for two."""


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    import ray

    ray.init(address="local", num_cpus=4, _memory=HAS, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.fixture
def steps(tmp_path: Path) -> Callable[..., list[Any]]:
    """A recipe of 40 units that are read and a model that takes several, whose loads are counted in the folder `model`."""
    (tmp_path / "model").mkdir()
    (tmp_path / "in").mkdir()
    for n in range(40):
        lines = (json.dumps({"text": f"text {n} {number}"}) for number in range(60))
        (tmp_path / "in" / f"{n:03d}.jsonl").write_text("\n".join(lines) + "\n")

    def steps(**resources: Any) -> list[Any]:
        source = {"use": "stages.read_documents", "with": {"paths": str(tmp_path / "in")}, "resources": resources}
        model = {"use": "keeps_a_model", "with": {"folder": str(tmp_path / "model")}}
        return [source, model, "stages.write_parquet"]

    return steps


def loads(tmp_path: Path) -> int:
    return len(list((tmp_path / "model").glob("loaded-*")))


def test_no_more_models_are_kept_than_there_is_memory_for(planned: Planned, steps: Any, tmp_path: Path) -> None:
    finished = execute(planned(*steps()), RayRunner())
    assert summary(finished)["keeps_a_model"].documents.out == 2400
    assert (len(finished.commits("keeps_a_model")) > 1, loads(tmp_path)) == (True, 1)


@pytest.mark.timeout(120)
def test_a_model_leaves_the_tasks_above_it_the_memory_that_they_reserve(planned: Planned, steps: Any) -> None:
    finished = execute(planned(*steps(memory_bytes=HAS // 2, workers=1)), RayRunner())
    assert summary(finished)["keeps_a_model"].documents.out == 2400
