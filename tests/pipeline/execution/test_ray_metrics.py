"""What Prometheus reads of a run from Ray."""

from __future__ import annotations

import time
import urllib.request
from importlib.util import find_spec

import pytest

from interloom.pipeline.execution.balance import Book
from interloom.pipeline.execution.phase_run import Progress
from interloom.pipeline.execution.ray_metrics import Metrics
from interloom.pipeline.store.commits import Commit, FailedUnit
from interloom.pipeline.store.parts import StoredFile

pytestmark = [pytest.mark.slow, pytest.mark.ray]


def exported(address: str) -> dict[str, float]:
    """The metrics of Interloom by name and own tags, once they are there: a node exports them every few seconds."""
    for _ in range(60):
        with urllib.request.urlopen(address, timeout=5) as answer:
            lines = [line for line in answer.read().decode().splitlines() if line.startswith("ray_interloom_")]
        if lines:
            return {name(line): float(line.rpartition(" ")[2]) for line in lines}
        time.sleep(0.5)
    return {}


def name(line: str) -> str:
    metric, _, tags = line.rpartition(" ")[0].partition("{")
    own = [tag for tag in tags.rstrip("}").split(",") if tag.startswith(("phase", "step", "status"))]
    return f"{metric}{{{','.join(own)}}}"


def test_units_documents_bytes_errors_and_seconds_are_exported() -> None:
    if find_spec("aiohttp_cors") is None:
        pytest.skip("not on this machine: the extra `cluster`, which exports metrics")
    import ray

    ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False)
    try:
        book = Book(seconds=1.5)
        book.documents.into, book.documents.quarantined = 5, 2
        commit = Commit("u", "read", {"word_count": book}, (StoredFile("documents", "x", 3, 700, ""),), 2.0)
        metrics = Metrics()
        metrics.count(Progress("read", 1, 2, 0, 5, ended=commit))
        metrics.count(Progress("read", 1, 2, 0, 5, ended=FailedUnit("v", "read", "broken")))
        metrics.count(Progress("read", 1, 2, 0, 5, note="nothing ended"))
        found = exported(f"http://127.0.0.1:{ray.nodes()[0]['MetricsExportPort']}/metrics")
    finally:
        ray.shutdown()
    assert {key: value for key, value in found.items() if "unit_seconds" not in key} == {
        'ray_interloom_units_total{phase="read",status="done"}': 1,
        'ray_interloom_units_total{phase="read",status="failed"}': 1,
        'ray_interloom_bytes_total{phase="read"}': 700,
        'ray_interloom_documents_total{step="word_count"}': 5,
        'ray_interloom_errors_total{step="word_count"}': 2,
        'ray_interloom_step_seconds_total{step="word_count"}': 1.5,
    }
    assert found['ray_interloom_unit_seconds_count{phase="read"}'] == 1
