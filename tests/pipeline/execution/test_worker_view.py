"""A relative path means the same file on every worker, or none; a worker that does not see the run says so."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from interloom.pipeline.errors import ConfigError, UnitError, guarded_reading
from interloom.pipeline.execution import worker_view
from interloom.pipeline.stage import Split
from interloom.pipeline.store import storage

SCRIPT = Path(__file__).parents[2] / "plugins" / "run_with_relative_paths.py"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The folder of a run; this process is a worker in another folder, with a file that is called like one of the driver's."""
    for folder, text in (("driver", "right"), ("worker", "wrong")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x").write_text(text)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "plan.json").touch()
    monkeypatch.chdir(tmp_path / "worker")
    worker_view.take.cache_clear()
    return str(tmp_path / "run")


def test_a_relative_path_is_the_drivers(run: str, tmp_path: Path) -> None:
    worker_view.take(str(tmp_path / "driver"), run)
    assert storage.read("x") == b"right"


def test_where_the_drivers_folder_is_not_seen_a_relative_path_is_no_file(run: str, tmp_path: Path) -> None:
    worker_view.take(str(tmp_path / "gone"), run)
    message = rf"^x: no such file on {socket.gethostname()}, where relative paths begin at /.*; all machines must see it$"
    with pytest.raises(UnitError, match=message):
        guarded_reading(lambda: storage.read("x"))


def test_in_a_ray_job_relative_paths_begin_where_they_do(run: str) -> None:
    worker_view.take("", run)
    assert storage.read("x") == b"wrong"


def test_a_worker_that_does_not_see_the_run_says_so(run: str, tmp_path: Path) -> None:
    message = rf"other: a worker on {socket.gethostname()} does not see this run's folder; choose a run folder on a file system"
    with pytest.raises(ConfigError, match=message):
        worker_view.take(os.getcwd(), f"{tmp_path}/other")


def test_another_file_of_the_same_name_is_refused(run: str) -> None:
    with pytest.raises(UnitError, match=r"^x: 5 bytes on .*, 50 when it was listed; .* another file under this name"):
        worker_view.check_split(Split("x", identity="50-123"))
    worker_view.check_split(Split("x", identity="5-123"))
    worker_view.check_split(Split("x"))
    worker_view.check_split(Split("s3://bucket/x", identity="50-abc"))


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.timeout(280)
def test_workers_read_the_drivers_files_or_those_of_the_jobs_working_directory(tmp_path: Path) -> None:
    for folder in ("driver", "cluster", "job"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.jsonl").write_text(json.dumps({"text": f"text of {folder:>9}"}) + "\n")
    answer = subprocess.run([sys.executable, str(SCRIPT), str(tmp_path)], check=True, capture_output=True, text=True)
    assert answer.stdout.splitlines() == ["text of    driver", "text of       job"]
