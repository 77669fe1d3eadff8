"""Units on a real Ray cluster of two CPUs: whatever dies, each unit is committed once or said to have failed."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from flaky_server import serving

from interloom.pipeline.errors import ConfigError, FatalError
from interloom.pipeline.execution import resources
from interloom.pipeline.execution.balance import Account
from interloom.pipeline.execution.driver import execute, summary
from interloom.pipeline.execution.runner_local import LocalRunner
from interloom.pipeline.execution.runner_ray import RayRunner
from interloom.pipeline.planning.plan import Plan
from interloom.pipeline.store import run_reader

pytestmark = [pytest.mark.slow, pytest.mark.ray]

SINK = "stages.write_parquet"
Planned = Callable[..., Plan]


@pytest.fixture(scope="module")
def runner() -> Iterator[RayRunner]:
    import ray

    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield RayRunner()
    ray.shutdown()


@pytest.fixture
def source(tmp_path: Path) -> Callable[..., tuple[str, dict[str, Any]]]:
    """A source of one file, and so one unit, per text."""

    def write(*texts: str) -> tuple[str, dict[str, Any]]:
        (tmp_path / "in").mkdir(exist_ok=True)
        for n, text in enumerate(texts):
            (tmp_path / "in" / f"{n:03d}.jsonl").write_text(json.dumps({"text": text}) + "\n")
        return "stages.read_documents", {"paths": str(tmp_path / "in")}

    return write


@pytest.fixture
def model(tmp_path: Path) -> tuple[str, dict[str, Any]]:
    (tmp_path / "model").mkdir()
    return "keeps_a_model", {"folder": str(tmp_path / "model")}


def shard(plan: Plan) -> bytes:
    return (Path(plan.run) / "write_parquet" / "data" / "shard-000000.parquet").read_bytes()


def test_ray_and_local_write_the_same_bytes(runner: RayRunner, planned: Planned, source: Any, tmp_path: Path) -> None:
    shards = []
    for name, by in (("here", LocalRunner()), ("ray", runner)):
        plan = planned(source(*(f"text {n}" for n in range(40))), "stages.dedup_exact", SINK, run=str(tmp_path / name))
        execute(plan, by)
        shards.append(shard(plan))
    assert shards[0] == shards[1]


def test_a_cluster_without_an_autoscaler_tells_what_its_nodes_have(runner: RayRunner) -> None:
    told = _once(lambda: resources.reachable("HERE"))
    assert (told.cpus, told.gpus, told.where) == (2, 0, "the cluster at HERE")
    assert [(node.cpus, node.gpus) for node in told.nodes] == [(2, 0)]


def test_a_cluster_with_an_autoscaler_tells_what_nodes_it_can_get(runner: RayRunner) -> None:
    messages: Any = import_module("ray.core.generated.autoscaler_pb2")
    worker: Any = import_module("ray._private.worker")
    kind = messages.NodeGroupConfig(resources={"CPU": 16, "GPU": 8}, max_count=3, name="gpu")
    report = worker.global_worker.gcs_client.report_cluster_config
    report(messages.ClusterConfig(node_group_configs=[kind]).SerializeToString())
    told = resources.reachable("HERE")
    report(messages.ClusterConfig().SerializeToString())
    assert told is not None
    assert (told.cpus, told.gpus, [(node.cpus, node.gpus) for node in told.nodes]) == (48, 24, [(2, 0), (16, 8)])


def _once(ask: Callable[[], Any]) -> Any:
    """What is told, once it is: Ray knows a few seconds after its start whether it has an autoscaler."""
    while (told := ask()) is None:
        time.sleep(0.2)
    return told


def test_each_actor_loads_its_model_once(runner: RayRunner, planned: Planned, model: Any, tmp_path: Path) -> None:
    lines = [json.dumps({"text": f"text {n}"}) for n in range(2100)]  # three units for the model
    (tmp_path / "texts.jsonl").write_text("\n".join(lines))
    plan = planned(("stages.read_documents", {"paths": str(tmp_path / "texts.jsonl")}), model, SINK)
    finished = execute(plan, runner)
    assert len(finished.commits("keeps_a_model")) > 1
    assert len(list((tmp_path / "model").glob("loaded-*"))) <= 2


def test_a_unit_whose_actor_dies_twice_is_done_by_others(
    runner: RayRunner, planned: Planned, source: Any, model: Any, tmp_path: Path
) -> None:
    finished = execute(planned(source("die-2", *(f"text {n}" for n in range(20))), model, SINK), runner)
    assert summary(finished)["keeps_a_model"].documents.out == 21
    assert len(list((tmp_path / "model").glob("die-*"))) == 2


def test_a_unit_that_kills_every_worker_fails_and_says_so(
    runner: RayRunner, planned: Planned, source: Any, model: Any, tmp_path: Path
) -> None:
    plan = planned(source("die-9", *(f"text {n}" for n in range(20))), model, SINK)
    with pytest.raises(FatalError, match=r"1 of 1 units of keeps_a_model failed; the first: lost its worker 3 times \(worker\)"):
        execute(plan, runner)


def kills(folder: Path) -> int:
    return len(list(folder.glob("SIGKILL-*")))


def test_a_document_whose_children_are_killed_on_one_worker_is_done_by_another(
    runner: RayRunner, planned: Planned, source: Any, tmp_path: Path
) -> None:
    finished = execute(planned(source("good", f"SIGKILL 3 {tmp_path}"), "meets_hostile", SINK), runner)
    assert summary(finished)["meets_hostile"].documents == Account(into=2, out=2)
    assert kills(tmp_path) == 3


def test_a_document_whose_children_are_killed_on_two_workers_is_quarantined(
    runner: RayRunner, planned: Planned, source: Any, tmp_path: Path
) -> None:
    plan = planned(source("good", f"SIGKILL 99 {tmp_path}"), "meets_hostile", SINK, max_error_rate=0.5)
    assert summary(execute(plan, runner))["meets_hostile"].documents == Account(into=2, out=1, quarantined=1)
    [decision] = run_reader.decisions(plan.run)
    assert decision["error"] == "killed: on two workers, each process that worked on it was ended from outside"
    assert kills(tmp_path) == 6


@pytest.mark.timeout(200)
def test_four_documents_of_a_unit_whose_children_are_killed_are_quarantined_and_the_others_stay(
    runner: RayRunner, planned: Planned, crawl: Callable[..., str], tmp_path: Path
) -> None:
    bad = f"SIGKILL 99 {tmp_path}"
    crawled = "stages.read_documents", {"paths": crawl(["good", bad, "good", bad, bad, bad, "good"])}
    plan = planned(crawled, "meets_hostile", SINK, max_error_rate=0.9)
    assert summary(execute(plan, runner))["meets_hostile"].documents == Account(into=7, out=3, quarantined=4)
    assert sorted(row["source_id"] for row in run_reader.decisions(plan.run)) == [f"crawl-{n}" for n in (1, 3, 4, 5)]
    assert kills(tmp_path) == 4 * 2 * 3  # on two workers, three times each


class ImpatientRunner(RayRunner):
    """Its workers give a unit up when the children of two documents in a row are killed."""


def impatient_work(run: str, phase: str, unit: str) -> str | None:
    from interloom.pipeline.execution import killed, runner_ray

    killed._MOST_IN_A_ROW = 1
    return runner_ray.work(run, phase, unit)


@pytest.mark.timeout(200)
def test_a_unit_whose_workers_lose_all_their_children_fails_and_names_the_documents(
    runner: RayRunner, planned: Planned, crawl: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crawled = "stages.read_documents", {"paths": crawl([f"SIGKILL 99 {tmp_path}"] * 4)}
    monkeypatch.setattr(ImpatientRunner, "work", staticmethod(lambda *unit: impatient_work(*unit)))
    with pytest.raises(FatalError, match=r"were killed from outside while they worked on \w{32}, \w{32}$"):
        execute(planned(crawled, "meets_hostile", SINK), ImpatientRunner())
    assert kills(tmp_path) == 3 * 2 * 3  # on three workers, two documents each


class QuickRunner(RayRunner):
    """Units are slow after a second."""

    slow = (5.0, 1.0)


@pytest.mark.parametrize("step", ["stops_its_worker", "stops_its_model"])
def test_a_unit_whose_worker_stands_still_is_run_on_another_one_and_the_bytes_are_the_same(
    runner: RayRunner, planned: Planned, source: Any, tmp_path: Path, step: str
) -> None:
    texts = [*(f"text {n}" for n in range(5)), f"stop {tmp_path / 'stopped'}", *(f"text {n}" for n in range(5, 12))]
    steps = (source(*texts), {"use": step, "checkpoint": True}, SINK)
    notes: list[str] = []
    try:
        finished = execute(ran := planned(*steps), QuickRunner(), report=lambda progress: notes.append(progress.note))
    finally:
        stopped = int((tmp_path / "stopped").read_text())
        with suppress(ProcessLookupError):
            os.kill(stopped, signal.SIGKILL)
    here = planned(*steps, run=str(tmp_path / "here"))
    execute(here, LocalRunner())
    assert summary(finished)[step].documents == Account(into=13, out=13)
    phase = step if "model" in step else "read_documents"
    assert [note for note in notes if note.startswith(f"{phase}: a copy of unit ")]
    assert shard(ran) == shard(here)


def test_a_plug_ins_mistake_is_told_as_it_is(runner: RayRunner, planned: Planned, source: Any) -> None:
    with pytest.raises(FatalError, match=r"^loses_documents: 1 documents lost"):
        execute(planned(source("a", "b"), "loses_documents", SINK), runner)


def test_a_phase_that_fits_no_worker_is_refused(runner: RayRunner, planned: Planned, source: Any) -> None:
    for asked, words in (({"cpus": 64}, "64 CPUs, 0 GPUs"), ({"memory_bytes": 10**15}, "1 CPUs, 0 GPUs and 1000000.0 GB")):
        plan = planned(source("a"), {"use": "lifts", "resources": asked}, SINK)
        answer = f"asks for {words} for one worker; no node of the cluster at this machine has that: they have 2 CPUs"
        with pytest.raises(ConfigError, match=f"^read_documents {answer}"):
            execute(plan, runner)


def test_all_workers_together_ask_a_host_no_more_than_allowed(planned: Planned, runner: RayRunner, tmp_path: Path) -> None:
    """The images lie in the first and in the last of 1,080 documents, and so in two units, which run at the same time."""
    with serving() as web:
        places = [*range(80), *range(1000, 1080)]
        rows = [{"text": "A word."} | ({"image": f"{web.url}/held/{n}"} if n in places else {}) for n in range(1080)]
        (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        manners = {"per_host": 2, "requests_per_s": 0, "robots": False, "allow_private": True}
        read = ("stages.read_documents", {"paths": str(tmp_path / "in.jsonl"), "fields": {"text": "text", "image": "image"}})
        plan = planned(read, ("stages.fetch_images", {"sources": ["http"], **manners}), SINK)
        execute(plan, runner)
    assert len(web.requests) == 160
    assert web.most_held in (1, 2)
