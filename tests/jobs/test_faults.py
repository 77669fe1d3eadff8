"""What the machine, the store or a signal does to a command is one line and an exit status, without a traceback."""

from __future__ import annotations

import os
import random
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from expiring_proxy import expiring

from interloom.jobs.__main__ import main
from interloom.pipeline.execution import run_unit
from interloom.pipeline.store import storage

SINK = "stages.write_parquet"
MENDED = "; once that is mended, the same command goes on from here\n"


@pytest.fixture
def file(recipe: Callable[..., str], crawl: Callable[..., str]) -> str:
    return recipe(("stages.read_documents", {"paths": crawl(["one", "two"])}), SINK)


@pytest.fixture
def small_disk() -> Iterator[None]:
    """A disk on which no file of more than 500 bytes can be written."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def run(file: str, *settings: str) -> Result:
    changes = [word for setting in settings for word in ((setting,) if setting[:2] == "--" else ("--set", setting))]
    return CliRunner().invoke(main, ["run", file, "--runner", "local", *changes])


def test_a_disk_that_is_full_is_told_with_the_file(file: str, small_disk: None, tmp_path: Path) -> None:
    done = run(file)
    assert (done.exit_code, done.stderr) == (1, f"failed: {tmp_path}/run/plan.json: File too large{MENDED}")


def test_a_run_below_a_file_is_told(file: str) -> None:
    done = run(file, f"run={file}/below")
    assert done.exit_code == 2
    assert done.stderr.endswith(f": {file}/below: {file} is no folder; choose another run folder\n")


@pytest.mark.parametrize("folder", ["/proc/x", "/sys/x"])
def test_a_run_where_nothing_can_be_written_is_told_before_anything_is_started(file: str, folder: str) -> None:
    done = run(file, f"run={folder}")
    assert (done.exit_code, len(done.stderr.splitlines())) == (2, 1)
    assert done.stderr.startswith(f"{folder}")


def test_inside_a_ray_job_the_cluster_counts_and_not_this_machine(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    done = CliRunner().invoke(main, ["run", file, "--set", "steps.0.resources.cpus=100000"])
    assert (done.exit_code, done.stderr.partition(" (")[0]) == (2, "no Ray cluster answers at 127.0.0.1:1")


@pytest.mark.parametrize("command", ["status", "why", "show"])
def test_a_file_is_no_run(file: str, command: str) -> None:
    done = CliRunner().invoke(main, [command, file, *([] if command == "status" else ["x"])])
    assert (done.exit_code, done.stderr) == (2, f"{file}: no run here (it has no plan.json)\n")


def test_a_bucket_that_is_missing_is_told(file: str, s3: str) -> None:
    for setting in ("run=s3://missing/run", "steps.0.with.paths=s3://missing/in"):
        done = run(file, setting)
        assert done.exit_code == 2
        assert done.stderr.endswith(": no such bucket; create it or check its name\n")
        assert "s3://missing/" in done.stderr.splitlines()[0]
        assert len(done.stderr.splitlines()) == 1


def shards(run_folder: str) -> dict[str, bytes]:
    """The bytes of what the sink wrote, by name."""
    found = storage.glob(storage.join(run_folder, "write_parquet/data"))
    return {file.path.removeprefix(run_folder): storage.read(file.path) for file in found}


def test_a_store_that_does_not_let_us_in_is_told_before_anything_is_started(
    file: str, s3: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with expiring(os.environ["AWS_ENDPOINT_URL"], requests=0) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy)
        done = run(file, f"run={s3}/closed")
    problem = f"{s3}/closed/: the credentials have expired (ExpiredToken); renew them\n"
    assert (done.exit_code, done.stderr) == (2, problem)


@pytest.mark.parametrize("requests", [12, 25, 50])
def test_credentials_that_expire_in_mid_run_are_told_and_the_same_command_goes_on(
    file: str, s3: str, monkeypatch: pytest.MonkeyPatch, requests: int
) -> None:
    endpoint, ends, whole = os.environ["AWS_ENDPOINT_URL"], f"{s3}/ends-{requests}", f"{s3}/whole-{requests}"
    with expiring(endpoint, requests) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy)
        done = run(file, f"run={ends}", "--quiet")
    assert (done.exit_code, len(done.stderr.splitlines())) == (1, 1)
    assert re.fullmatch(rf"failed: {ends}/.*: the credentials have expired \(ExpiredToken\); renew them{MENDED}", done.stderr)
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    assert [run(file, f"run={folder}").exit_code for folder in (ends, whole)] == [0, 0]
    assert shards(ends) == shards(whole) != {}


def test_a_disk_that_is_full_in_mid_run_is_told_and_the_same_command_goes_on(
    recipe: Any, crawl: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_unit, "_FIRST_PAUSE_S", 0)
    text = random.Random(0).randbytes(50_000).hex()
    file = recipe(("stages.read_documents", {"paths": crawl([text])}), SINK)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, before[1]))
    try:
        done = run(file, "--quiet")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert done.exit_code == 1
    problem = r"failed: 1 of 1 units of read_documents failed; .*File too large: '/.*documents-0000.parquet'"
    assert re.fullmatch(problem, done.stderr.splitlines()[-1])
    assert [run(file, *more).exit_code for more in ((), (f"run={tmp_path}/whole",))] == [0, 0]
    assert shards(f"{tmp_path}/run") == shards(f"{tmp_path}/whole") != {}


@pytest.mark.parametrize("broken", ["", "[]", '{"phases": 1}'])
def test_a_broken_plan_is_told_with_the_way_out(file: str, tmp_path: Path, broken: str) -> None:
    run(file)
    (tmp_path / "run" / "plan.json").write_text(broken)
    told = CliRunner().invoke(main, ["status", str(tmp_path / "run")])
    assert told.exit_code == 2
    assert told.stderr.startswith(f"{tmp_path}/run/plan.json is broken (")


def test_a_file_whose_name_is_not_utf8_is_found_by_it(recipe: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    name = tmp_path / "in" / os.fsdecode(b"\xff\xfe.html")
    name.write_text("<article><p>Some words on a page.</p></article>")
    assert run(recipe(("stages.read_html", {"paths": str(tmp_path / "in")}), "stages.extract_html", SINK)).exit_code == 0
    assert "in the output" in CliRunner().invoke(main, ["why", str(tmp_path / "run"), str(name)]).stdout


@pytest.mark.parametrize(
    ("runner", "number"),
    [
        ("local", signal.SIGINT),
        ("local", signal.SIGTERM),
        pytest.param("ray", signal.SIGINT, marks=pytest.mark.slow),
        pytest.param("ray", signal.SIGTERM, marks=pytest.mark.slow),
    ],
)
def test_a_signal_stops_a_run_and_leaves_nothing_behind(
    recipe: Any, crawl: Any, tmp_path: Path, runner: str, number: signal.Signals
) -> None:
    begun, scratch = tmp_path / "begun", tmp_path / "scratch"
    scratch.mkdir()
    file = recipe(("stages.read_documents", {"paths": crawl(["one"])}), ("waits", {"says": str(begun)}), SINK)
    command = [sys.executable, "-m", "interloom.jobs", "run", file, "--runner", runner]
    mark = {"MARK": str(tmp_path), "TMPDIR": str(scratch), "RAY_TMPDIR": "/tmp"}
    process = subprocess.Popen(command, env={**os.environ, **mark}, stderr=subprocess.PIPE, text=True, start_new_session=True)
    while not begun.exists() and process.poll() is None:
        time.sleep(0.05)
    os.killpg(process.pid, number) if number == signal.SIGINT else process.send_signal(number)  # Ctrl-C goes to all
    _, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (128 + number, f"stopped by {number.name}; the same command goes on from here\n")
    assert ([name for name in os.listdir(scratch) if name.startswith("interloom")], _marked(tmp_path)) == ([], [])


def test_a_signal_stops_the_sample_of_a_plan_of_which_nothing_stays(recipe: Any, crawl: Any, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    file = recipe(("stages.read_documents", {"paths": crawl(["one"])}), ("waits", {"says": str(begun)}), SINK)
    command = [sys.executable, "-m", "interloom.jobs", "plan", file, "--sample", "1"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while not begun.exists() and process.poll() is None:
        time.sleep(0.05)
    process.terminate()
    _, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (128 + signal.SIGTERM, "stopped by SIGTERM\n")


def _marked(folder: Path) -> list[str]:
    """The processes of the run that are left after a while."""
    for _ in range(50):
        left = [pid for pid in filter(str.isdigit, os.listdir("/proc")) if f"MARK={folder}" in _environment(pid)]
        if not left:
            break
        time.sleep(0.2)
    return left


def _environment(pid: str) -> list[str]:
    try:
        return Path("/proc", pid, "environ").read_text(errors="replace").split("\0")
    except OSError:
        return []
