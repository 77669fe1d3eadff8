"""A run begins in an empty folder or its own; a sink writes neither into another run nor among another run's shards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interloom.pipeline.errors import ConfigError
from interloom.pipeline.execution.driver import execute
from interloom.pipeline.execution.runner_local import LocalRunner
from interloom.pipeline.planning.plan import Plan
from interloom.pipeline.store import storage
from interloom.pipeline.store.places import misplaced, not_a_run


@pytest.fixture(params=["disk", "s3"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "root") if request.param == "disk" else f"{request.getfixturevalue('s3')}/{tmp_path.name}"


@pytest.fixture
def run(planned: Callable[..., Plan], crawl: Callable[..., str], root: str) -> str:
    """The folder of a finished run that writes to `out` beside it."""
    source = ("stages.read_documents", {"paths": crawl(["one", "two"])})
    execute(planned(source, ("stages.write_parquet", {"to": f"{root}/out"}), run=f"{root}/run"), LocalRunner())
    return f"{root}/run"


def test_a_folder_with_files_of_others_is_refused_with_the_way_out(root: str) -> None:
    storage.write(f"{root}/mine/notes/today.txt", b"mine")
    assert not_a_run(f"{root}/mine") == (
        f"{root}/mine holds notes, which no run wrote; choose an empty folder, for example {root}/mine/run"
    )


@pytest.mark.parametrize("name", [".DS_Store", "lease/00000001.json"])
def test_hidden_files_and_a_run_that_has_just_begun_are_no_files_of_others(root: str, name: str) -> None:
    storage.write(f"{root}/new/{name}", b"")
    assert not_a_run(f"{root}/new") == ""


def test_empty_folders_and_what_is_not_there_are_free(tmp_path: Path) -> None:
    (tmp_path / "new" / "out").mkdir(parents=True)
    assert [not_a_run(f"{tmp_path}/{name}") for name in ("new", "other")] == ["", ""]


def test_a_folder_below_one_that_cannot_be_written_to_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: str(path) != str(tmp_path))  # root may write anywhere
    problem = f"{tmp_path} cannot be written to; choose another run folder"
    assert not_a_run(f"{tmp_path}/a/b") == f"{tmp_path}/a/b: {problem}"


def test_a_sink_is_refused_a_folder_that_cannot_be_written_to_unless_it_holds_shards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "finished").mkdir()
    (tmp_path / "finished" / "manifest.json").write_text("{}")
    run = f"{tmp_path}/run"
    assert misplaced(run, "/dev/null/out") == "/dev/null/out: /dev/null is no folder; choose another folder for the shards"
    monkeypatch.setattr("os.access", lambda path, mode: not str(path).startswith(str(tmp_path)))  # root may write anywhere
    problem = f"{tmp_path}/out: {tmp_path} cannot be written to; choose another folder for the shards"
    assert misplaced(run, f"{tmp_path}/out") == problem
    assert misplaced(run, f"{tmp_path}/finished") == ""


@pytest.mark.parametrize("lost", ["plan.json", "recipe.yaml"])
def test_a_run_is_known_as_one_whatever_it_has_lost(run: str, lost: str) -> None:
    storage.remove(f"{run}/{lost}")
    storage.write(f"{run}/notes.txt", b"mine")
    assert not_a_run(run) == ""


@pytest.mark.parametrize("below", ["run/new", "run/work/new", "out/new", "out/new/deeper"])
def test_nothing_is_written_into_another_run_or_among_its_shards(run: str, root: str, below: str) -> None:
    told = f"{root}/{below} lies in " + (f"the run {root}/run;" if below.startswith("run") else f"{root}/out, which holds the sh")
    assert not_a_run(f"{root}/{below}").startswith(told)
    assert misplaced(f"{root}/second", f"{root}/{below}").startswith(told)


def test_a_sink_may_write_below_its_own_run(run: str) -> None:
    assert misplaced(run, f"{run}/out/new") == ""


def test_a_run_in_files_of_others_does_not_start(planned: Any, crawl: Any, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(
        ConfigError, match=r"recipe.yaml:2:1: .*/mine holds notes.txt, which no run wrote; choose an empty folder"
    ):
        planned(("stages.read_documents", {"paths": crawl(["text"])}), "stages.write_parquet", run=str(tmp_path / "mine"))
