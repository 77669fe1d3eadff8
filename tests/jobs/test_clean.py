"""`clean` says what it frees, and touches nothing that the plan needs; the demo empties nothing but its own folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from interloom.jobs.__main__ import main
from interloom.jobs.demo.run import demo
from interloom.pipeline.errors import ConfigError
from interloom.pipeline.store.lease import Lease


@pytest.fixture
def run(run: Any, crawl: Callable[..., str]) -> str:
    """The folder of a run that was made twice, with two thresholds."""
    source = ("stages.read_documents", {"paths": crawl(["one", "two words"])})
    for least in (1, 2):
        finished = run(source, ("filters.word_count", {"at_least": least}), "stages.write_parquet")
    return str(finished.run)


def work_folders(run: str) -> list[str]:
    return sorted(path.name.rpartition("-")[0] for path in Path(run, "work").iterdir())


def test_a_dry_run_shows_what_would_be_removed_and_removes_nothing(run: str) -> None:
    before = work_folders(run)
    answer = CliRunner().invoke(main, ["clean", run, "--dry-run"])
    assert (answer.output.count("would be removed"), answer.output.count("needed")) == (4, 4)
    assert work_folders(run) == before


def test_clean_removes_what_the_plan_does_not_need(run: str) -> None:
    answer = CliRunner().invoke(main, ["clean", run])
    assert answer.output.count(" removed") == 4
    assert work_folders(run) == ["read_documents", "read_documents.scatter", "write_parquet.assign", "write_parquet.write"]


def test_a_folder_without_a_run_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "work" / "mine").mkdir(parents=True)
    (tmp_path / "work" / "mine" / "notes.txt").write_text("mine")
    answer = CliRunner().invoke(main, ["clean", str(tmp_path)])
    assert answer.exit_code == 2
    assert (tmp_path / "work" / "mine" / "notes.txt").exists()


@pytest.mark.parametrize("name", ["photo.jpg", "crawl/crawl-00000.warc.gz"])
def test_the_demo_empties_no_folder_that_no_demo_made(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    with pytest.raises(ConfigError, match="holds something that no demo made"):
        demo(str(tmp_path), "local", 60)
    assert (tmp_path / name).read_text() == "mine"


def test_the_demo_takes_no_file_for_its_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ConfigError, match="holds something that no demo made"):
        demo(str(tmp_path / "file"), "local", 60)


def test_the_demo_empties_no_folder_of_a_demo_that_is_running(tmp_path: Path) -> None:
    (tmp_path / ".interloom-demo").touch()
    lease = Lease.acquire(str(tmp_path / "run"), "run")
    with pytest.raises(ConfigError, match="belongs to a demo that is running"):
        demo(str(tmp_path), "local", 60)
    lease.check()
    lease.release()
