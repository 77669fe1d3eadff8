"""What a run no longer needs is freed; what its current plan needs stays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interloom.pipeline.execution.driver import execute
from interloom.pipeline.execution.runner_local import LocalRunner
from interloom.pipeline.planning.plan import Plan
from interloom.pipeline.store import cleaning

Planned = Callable[..., Plan]


@pytest.fixture
def plan(planned: Planned, crawl: Callable[..., str]) -> Callable[[int], Plan]:
    """A plan with this threshold below a checkpoint."""
    source = ("stages.read_documents", {"paths": crawl([f"text number {n}" for n in range(30)])})

    def make(least: int) -> Plan:
        score = ("filters.score", {"of": "length", "on": "document", "at_least": least})
        return planned(source, "scores_length", score, "stages.write_parquet")

    return make


def test_folders_of_earlier_thresholds_are_freed_and_the_run_is_still_finished(plan: Any, tmp_path: Path) -> None:
    for least in (10, 14):
        execute(plan(least), LocalRunner())
    run = str(tmp_path / "run")
    unneeded = [folder for folder in cleaning.work_folders(run) if not folder.needed]
    assert sorted(folder.path.rpartition("-")[0] for folder in unneeded) == [
        "work/score",
        "work/score.scatter",
        "work/write_parquet.assign",
        "work/write_parquet.write",
    ]
    for folder in unneeded:
        cleaning.free(run, folder)
    assert all(folder.needed and folder.files for folder in cleaning.work_folders(run))
    assert not any((tmp_path / "run" / folder.path).exists() for folder in unneeded)
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "run" / "work").rglob("*.parquet")}
    execute(plan(14), LocalRunner())
    assert {file: file.stat().st_mtime_ns for file in (tmp_path / "run" / "work").rglob("*.parquet")} == before


def test_sizes_are_those_of_the_files(plan: Any, tmp_path: Path) -> None:
    execute(plan(10), LocalRunner())
    for folder in cleaning.work_folders(str(tmp_path / "run")):
        files = [file for file in (tmp_path / "run" / folder.path).rglob("*") if file.is_file()]
        assert (folder.files, folder.size_bytes) == (len(files), sum(file.stat().st_size for file in files))


def test_a_folder_that_is_needed_is_never_freed(plan: Any, tmp_path: Path) -> None:
    execute(plan(10), LocalRunner())
    with pytest.raises(ValueError, match="is needed by the current plan"):
        cleaning.free(str(tmp_path / "run"), cleaning.work_folders(str(tmp_path / "run"))[0])


def test_a_run_in_s3_is_cleaned_too(planned: Planned, crawl: Any, s3: str) -> None:
    source = ("stages.read_documents", {"paths": crawl(["one", "two"])})
    for least in (1, 2):
        execute(
            planned(source, ("filters.word_count", {"at_least": least}), "stages.write_parquet", run=f"{s3}/cleaned"),
            LocalRunner(),
        )
    for folder in cleaning.work_folders(f"{s3}/cleaned"):
        if not folder.needed:
            cleaning.free(f"{s3}/cleaned", folder)
    assert len(cleaning.work_folders(f"{s3}/cleaned")) == 4


def test_what_no_run_made_is_neither_listed_nor_removed(plan: Any, tmp_path: Path) -> None:
    execute(plan(10), LocalRunner())
    (tmp_path / "run/work/mine").mkdir()
    (tmp_path / "run/work/mine/notes.txt").write_text("mine")
    (tmp_path / "run/work/precious.txt").write_text("mine")
    assert all(folder.needed for folder in cleaning.work_folders(str(tmp_path / "run")))
