"""Law L2 on a whole run, from WARC files to shards: whoever does the work, in whatever order, dying however often, the bytes
are the same. Law L1 beside it: every run here ends with balanced books, or `execute` would have raised."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from interloom.jobs import _plan
from interloom.jobs.demo.crawl import make_crawl
from interloom.jobs.demo.plan import Plan as Planted
from interloom.pipeline.errors import FatalError
from interloom.pipeline.execution import run_unit
from interloom.pipeline.execution.driver import execute
from interloom.pipeline.execution.runner_local import LocalRunner
from interloom.pipeline.stage import GlobalStage
from interloom.pipeline.store import storage

pytestmark = pytest.mark.slow
PLUGINS = Path(__file__).parent / "plugins"
RECIPE = Path(_plan.__file__).with_name("demo.yaml")
Shards = dict[str, str]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the demo's crawl; the recipe finds it through the environment."""
    folder = tmp_path_factory.mktemp("exactly_once")
    make_crawl(folder / "crawl", pages=60)
    os.environ["INTERLOOM_DEMO"] = str(folder)
    yield folder
    del os.environ["INTERLOOM_DEMO"]


@pytest.fixture(scope="module")
def reference(place: Path) -> Shards:
    """What the local runner writes in one go."""
    run = place / "reference"
    run_here(run, LocalRunner())
    return shards(run)


def run_here(run: Path | str, runner: Any, report: Any = lambda progress: None) -> None:
    plan, _ = _plan.planned(str(RECIPE), [f"run={run}"], None)
    execute(plan, runner, report=report)


def command(run: Path | str, *more: str) -> list[str]:
    return [sys.executable, "-m", "interloom.jobs", "run", str(RECIPE), "--set", f"run={run}", *more]


def shards(run: Path | str) -> Shards:
    """sha256 of each file a sink wrote, by its name below the run; the manifests too."""
    sinks = ("write_webdataset", "write_parquet")
    found = [
        one.path
        for sink in sinks
        for one in storage.glob(storage.join(str(run), sink) + ("/" if storage.is_remote(str(run)) else ""))
    ]
    hashes = {path.removeprefix(str(run)): hashlib.sha256(storage.read(path)).hexdigest() for path in found}
    return {name: mark for name, mark in hashes.items() if not name.endswith("writing.json")}


def commits(run: Path) -> int:
    return len(list(run.glob("work/*/commits/*.json")))


def test_the_reference_holds_documents_images_and_indexes(reference: Shards, place: Path) -> None:
    manifest = json.loads((place / "reference/write_webdataset/manifest.json").read_text())
    assert manifest["documents"] > 20
    assert manifest["images"] > 20
    assert len([name for name in reference if name.endswith(".tar")]) == len(manifest["shards"])


def test_shuffled_units_write_the_same_bytes(place: Path, reference: Shards) -> None:
    class Shuffled(LocalRunner):
        def wait(self) -> Iterator[Any]:
            random.Random(len(self._queue)).shuffle(self._queue)
            yield from super().wait()

    run_here(place / "shuffled", Shuffled())
    assert shards(place / "shuffled") == reference


def test_units_done_twice_write_the_same_bytes(place: Path, reference: Shards) -> None:
    class Twice(LocalRunner):
        def run_unit(self, run: str, phase: Any, unit: Any) -> Any:
            super().run_unit(run, phase, unit)
            return super().run_unit(run, phase, unit)

    run_here(place / "twice", Twice())
    assert shards(place / "twice") == reference


@pytest.mark.timeout(280)
def test_units_done_by_two_workers_at_once_write_the_same_bytes(place: Path, reference: Shards) -> None:
    from runs_together import meet_here, run_unit_when_both_are_here

    processes = multiprocessing.get_context("forkserver")

    class AtOnce(LocalRunner):
        def run_unit(self, run: str, phase: Any, unit: Any) -> Any:
            copies = [pool.submit(run_unit_when_both_are_here, run, phase, unit) for _ in range(2)]
            first, second = (json.dumps(copy.result().to_json(), sort_keys=True) for copy in copies)
            assert first == second
            return copies[0]

    with ProcessPoolExecutor(2, processes, meet_here, (processes.Barrier(2),)) as pool:
        run_here(place / "at-once", AtOnce())
    assert shards(place / "at-once") == reference


@pytest.mark.ray
@pytest.mark.timeout(580)
def test_ray_tasks_done_by_two_workers_at_once_write_the_same_bytes(place: Path, reference: Shards) -> None:
    marks = run_script("run_with_doubled_units.py", place / "ray-at-once")
    together = [unit for unit in marks.iterdir() if len(list(unit.iterdir())) == 2]
    assert len(together) > 10
    assert shards(place / "ray-at-once") == reference


@pytest.mark.ray
@pytest.mark.parametrize("workers", [1, 2])
def test_ray_writes_the_same_bytes_with_any_number_of_workers(place: Path, reference: Shards, workers: int) -> None:
    run = place / f"ray-{workers}"
    subprocess.run(command(run, "--workers", str(workers)), check=True, capture_output=True, timeout=280)
    assert shards(run) == reference


def killed_when(process: subprocess.Popen[bytes], run: Path, enough: int) -> None:
    """SIGKILL to the driver as soon as so many units are committed."""
    deadline = time.monotonic() + 120
    while process.poll() is None and commits(run) < enough and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()


@pytest.mark.parametrize("share", [0.05, 0.25, 0.5, 0.75, 0.95])
def test_a_driver_killed_at_any_moment_resumes_to_the_same_bytes(place: Path, reference: Shards, share: float) -> None:
    run = place / f"killed-{share}"
    whole = commits(place / "reference")
    for _ in range(5):  # a driver that was quicker than the signal proves nothing
        process = subprocess.Popen(command(run, "--runner", "local"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        killed_when(process, run, max(1, int(share * whole)))
        if process.returncode == -signal.SIGKILL and commits(run) < whole:
            break
        shutil.rmtree(run)
    before = {path: path.stat().st_mtime_ns for path in run.glob("work/*/commits/*.json")}
    assert 0 < len(before) < whole
    run_here(run, LocalRunner())
    assert shards(run) == reference
    assert {path: path.stat().st_mtime_ns for path in before} == before  # nothing committed was done again


@pytest.mark.ray
@pytest.mark.parametrize("share", [0.1, 0.6])
def test_a_ray_driver_killed_resumes_to_the_same_bytes(place: Path, reference: Shards, share: float) -> None:
    run = place / f"ray-killed-{share}"
    process = subprocess.Popen(command(run), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    killed_when(process, run, max(1, int(share * commits(place / "reference"))))
    subprocess.run(command(run), check=True, capture_output=True, timeout=280)
    assert shards(run) == reference


def run_script(name: str, run: Path, *more: str) -> Path:
    """Runs a script of `plugins` on the recipe. Returns the folder in which it left its marks."""
    marks = run.with_name(f"{run.name}-marks")
    marks.mkdir()
    script = [sys.executable, str(PLUGINS / name), str(RECIPE), str(run), *more]
    environment = {**os.environ, "INTERLOOM_TEST_MARKS": str(marks)}
    ended = subprocess.run(script, env=environment, capture_output=True, text=True, timeout=560)
    assert ended.returncode == 0, ended.stderr
    return marks


def test_a_driver_that_takes_over_a_run_with_damaged_files_writes_the_same_bytes(
    place: Path, reference: Shards, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first driver sleeps in the middle of the run; a bit of a file of each phase flips; another driver takes over."""
    run, half, repaired = place / "taken-over", commits(place / "reference") // 2, list[str]()
    monkeypatch.setattr(run_unit, "_FIRST_PAUSE_S", 0.0)

    def take_over() -> None:
        for phase in run.glob("work/*"):
            flip_a_bit(max(phase.glob("*/*-*"), key=lambda file: file.stat().st_size))
        for lease in run.glob("lease/*"):
            os.utime(lease, (0, 0))
        run_here(run, LocalRunner(), lambda progress: repaired.extend([progress.note] if progress.note else []))

    class Sleeps(LocalRunner):
        def run_unit(self, run: str, phase: Any, unit: Any) -> Any:
            if not repaired and commits(Path(run)) >= half:
                take_over()
            return super().run_unit(run, phase, unit)

    with pytest.raises(FatalError, match="another driver took over"):
        run_here(run, Sleeps())
    assert [note for note in repaired if "must store it again" in note]
    assert shards(run) == reference


def flip_a_bit(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


@pytest.mark.timeout(580)
@pytest.mark.parametrize("runner", ["local", pytest.param("ray", marks=pytest.mark.ray)])
def test_a_child_killed_while_it_works_on_a_document_changes_nothing(place: Path, reference: Shards, runner: str) -> None:
    marks = run_script("run_with_killed_children.py", place / f"children-killed-{runner}", runner)
    killed = {tuple(path.name.split("-")[:3]) for path in marks.iterdir()}
    steps = ("stages.extract_html", "stages.decode_images")
    assert killed == {(step, *kill) for step in steps for kill in (("0", "0"), ("1", "0"), ("1", "1"))}
    assert shards(place / f"children-killed-{runner}") == reference


@pytest.mark.ray
@pytest.mark.timeout(580)
def test_a_worker_killed_in_every_step_changes_nothing(place: Path, reference: Shards) -> None:
    run = place / "workers-killed"
    marks = run_script("run_with_dying_workers.py", run)
    plan, _ = _plan.planned(str(RECIPE), [f"run={run}"], None)
    died = {path.name for path in marks.iterdir()}
    assert {step.key for step in plan.steps if step.shape == "stage"} <= died
    global_steps = [step for step in plan.steps if step.shape == "global"]
    exchanges = {f"{step.key}.{one.name}" for step in global_steps for one in step.build_as(GlobalStage).exchanges()}
    assert {f"{name}.{task}" for name in exchanges for task in ("send", "meet")} <= died
    assert {f"{step.key}.{kind}" for step in global_steps for kind in ("verdicts.send", "documents")} <= died
    assert {f"{step.key}.{kind}" for step in plan.steps if step.shape == "sink" for kind in ("assign", "write")} <= died
    assert "read_warc.documents" in died
    assert any(name.endswith(".scatter") for name in died)
    assert shards(run) == reference


def test_an_s3_endpoint_gets_the_same_bytes(place: Path, reference: Shards, s3: str) -> None:
    run_here(f"{s3}/runs/demo", LocalRunner())
    assert shards(f"{s3}/runs/demo") == reference


def test_azure_gets_the_same_bytes(place: Path, reference: Shards, azure: str) -> None:
    run_here(f"{azure}/runs/demo", LocalRunner())
    assert shards(f"{azure}/runs/demo") == reference


def test_google_cloud_storage_gets_the_same_bytes(place: Path, reference: Shards, gcs: str) -> None:
    run_here(f"{gcs}/runs/demo", LocalRunner())
    assert shards(f"{gcs}/runs/demo") == reference


@pytest.mark.ray
def test_a_ray_cluster_of_two_nodes_on_s3_gets_the_same_bytes(place: Path, reference: Shards, s3: str) -> None:
    script = [sys.executable, str(PLUGINS / "run_on_two_nodes.py"), str(RECIPE), f"{s3}/runs/nodes"]
    subprocess.run(script, check=True, capture_output=True, timeout=280)
    assert shards(f"{s3}/runs/nodes") == reference


def test_everything_planted_met_the_fate_it_should(place: Path, reference: Shards) -> None:
    from interloom.jobs.demo.check import check
    from interloom.jobs.demo.run import finished_documents
    from interloom.pipeline.store import run_reader

    planted = Planted.load(place / "crawl" / "planted.json")
    run = place / "reference"
    assert check(planted, run_reader.decisions(str(run)), finished_documents(str(run / "write_parquet"))) == []
