"""Runs and targets beside others, whose names theirs begin with: whatever is written, replaced, cleaned or verified here, nothing
of theirs is touched."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from interloom.jobs.__main__ import main
from interloom.pipeline.execution.driver import execute
from interloom.pipeline.execution.runner_local import LocalRunner
from interloom.pipeline.planning.plan import Plan
from interloom.pipeline.store import storage
from interloom.pipeline.store.damage import invalidate


@pytest.fixture(params=["disk", "s3"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "root") if request.param == "disk" else f"{request.getfixturevalue('s3')}/neighbours"


@pytest.fixture
def plan(planned: Callable[..., Plan], crawl: Callable[..., str], root: str) -> Callable[..., Plan]:
    """The plan of a run that writes to a target of this number."""

    def make(number: str, at_least: int = 1) -> Plan:
        source = ("stages.read_documents", {"paths": crawl([f"text number {n}" for n in range(40)])})
        words = ("filters.word_count", {"at_least": at_least})
        sink = ("stages.write_webdataset", {"to": f"{root}/out{number}", "shard_size_bytes": 4000})
        return planned(source, words, sink, run=f"{root}/run{number}")

    return make


def identities(*folders: str) -> dict[str, str]:
    return {file.path: file.identity for folder in folders for file in storage.glob(folder + "/")}


def test_nothing_of_a_neighbour_is_touched(plan: Any, root: str) -> None:
    execute(plan("2"), LocalRunner())
    storage.write(f"{root}/run-notes/work/x", b"mine")
    storage.write(f"{root}/out-notes/shard-000000.tar", b"mine")
    theirs = (f"{root}/run2", f"{root}/out2", f"{root}/run-notes", f"{root}/out-notes")
    before = identities(*theirs)
    for at_least in (1, 4, 3):  # writes, replaces all by nothing, writes again
        execute(plan("", at_least), LocalRunner())
        assert CliRunner().invoke(main, ["clean", f"{root}/run"]).exit_code == 0
    storage.remove(f"{root}/out/shard-000000.tar")
    assert CliRunner().invoke(main, ["verify", f"{root}/run"]).exit_code == 1
    execute(plan("", 3), LocalRunner())
    assert identities(*theirs) == before


@pytest.mark.parametrize(
    "path",
    ["{}/work/a-1/units.json", "{}/plan.json", "{}/lease/00000001.json", "{}/work/x", "{}2/work/a-1/u/file", "/etc/passwd", "{}"],
)
def test_only_a_unit_that_stored_a_file_of_this_run_loses_its_commit(tmp_path: Path, path: str) -> None:
    kept = [tmp_path / name / "work/a-1/commits/u.json" for name in ("run", "run2")]
    for commit in kept:
        commit.parent.mkdir(parents=True)
        commit.touch()
    assert invalidate(f"{tmp_path}/run", path.format(f"{tmp_path}/run")) == ""
    assert all(commit.exists() for commit in kept)
    assert invalidate(f"{tmp_path}/run", f"{tmp_path}/run/work/a-1/u/file") == "unit u of a"
    assert [commit.exists() for commit in kept] == [False, True]
