"""A run has one driver and a target one run: whoever comes second, or sleeps and wakes, changes nothing that the other wrote."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from interloom.jobs.__main__ import main
from interloom.pipeline.errors import ConfigError, FatalError
from interloom.pipeline.execution.driver import execute, run_phases
from interloom.pipeline.execution.phase_run import PhaseRun
from interloom.pipeline.execution.runner_local import LocalRunner
from interloom.pipeline.execution.units import FinishedPhases
from interloom.pipeline.planning.phases import cut
from interloom.pipeline.planning.plan import Plan, make_plan
from interloom.pipeline.planning.recipe import read_recipe
from interloom.pipeline.store import lease, storage, targets

Planned = Callable[..., Plan]


class Sleeping(LocalRunner):
    """Does something else, as if the process slept meanwhile, before (or after) it writes its unit number `at` of writing."""

    def __init__(self, meanwhile: Callable[[], object], at: int = 3, *, after: bool = False) -> None:
        super().__init__()
        self._meanwhile, self._left, self._after = meanwhile, at, after

    def run_unit(self, run: str, phase: Any, unit: Any) -> Any:
        self._left -= phase.kind == "write"
        due = self._left == 0 and phase.kind == "write"
        if due and not self._after:
            self._meanwhile()
        done = super().run_unit(run, phase, unit)
        if due and self._after:
            done.result()
            self._meanwhile()
        return done


@pytest.fixture
def plan(planned: Planned, crawl: Callable[..., str]) -> Callable[..., Plan]:
    """The plan of a run that writes 40 documents of at least so many words in small shards."""

    def make(at_least: int, **more: Any) -> Plan:
        source = ("stages.read_documents", {"paths": crawl([f"text number {n} " * (n % 3 + 1) for n in range(40)])})
        sink = {"shard_size_bytes": 4000, **({"to": more.pop("to")} if "to" in more else {})}
        return planned(source, ("filters.word_count", {"at_least": at_least}), ("stages.write_webdataset", sink), **more)

    return make


def manifest_of(folder: Path) -> dict[str, Any]:
    """The manifest, after a comparison of all that it names with what is there."""
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    named = {file["name"]: file["sha256"] for shard in manifest["shards"] for file in shard["files"]}
    files = [*folder.glob("shard-*"), *folder.glob(".index/shard-*")]
    there = {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    assert there == named
    return manifest


def taken_over(run: Path, by: Plan) -> None:
    """The lease expires, and another driver runs the run to its end."""
    for file in (run / "lease").iterdir():
        os.utime(file, (0, 0))
    execute(by, LocalRunner())


@pytest.mark.parametrize(("at", "after"), [(1, False), (3, False), (5, False), (3, True)])
@pytest.mark.parametrize("other", [1, 5])
def test_a_driver_that_slept_while_another_finished_stops_and_changes_nothing(
    plan: Any, tmp_path: Path, at: int, after: bool, other: int
) -> None:
    second = plan(other)
    first = plan(1)
    with pytest.raises(FatalError, match=r"another driver took over|is not marked as being written any more"):
        execute(first, Sleeping(lambda: taken_over(tmp_path / "run", second), at, after=after))
    assert manifest_of(tmp_path / "run/write_webdataset")["documents"] == {1: 40, 5: 26}[other]
    assert not (tmp_path / "run/write_webdataset/writing.json").exists()
    assert json.loads((tmp_path / "run/plan.json").read_text())["plan"] == json.loads(json.dumps(second.to_json()))


def test_a_driver_that_slept_after_its_last_shard_writes_no_manifest(plan: Any, tmp_path: Path) -> None:
    first, second = plan(1), plan(5)

    def sleep(progress: Any) -> None:
        if progress.phase == "write_webdataset.write" and progress.complete:
            taken_over(tmp_path / "run", second)

    with pytest.raises(FatalError, match="another driver took over"):
        execute(first, LocalRunner(), report=sleep)
    assert manifest_of(tmp_path / "run/write_webdataset")["documents"] == 26


def test_a_driver_that_slept_while_it_wrote_a_list_of_units_changes_none(plan: Any, tmp_path: Path) -> None:
    first = plan(1)

    def is_taken_over() -> None:
        if list(tmp_path.glob("run/work/*/.interloom-tmp-*")):
            raise FatalError("another driver took over")

    finished = FinishedPhases(first.run)
    runs = [PhaseRun(first, phase, finished, lambda progress: None, is_taken_over) for phase in cut(first)]
    with pytest.raises(FatalError, match="another driver took over"):
        run_phases(runs, LocalRunner())
    assert list(tmp_path.glob("run/work/*/units.json")) == []


def test_a_second_driver_is_refused_while_the_first_goes_on(plan: Any, tmp_path: Path) -> None:
    first, second = plan(1), plan(5)

    def try_second() -> None:
        with pytest.raises(ConfigError, match="belongs to `interloom run`"):
            execute(second, LocalRunner())

    execute(first, Sleeping(try_second))
    assert manifest_of(tmp_path / "run/write_webdataset")["documents"] == 40
    assert not lease.is_owned(str(tmp_path / "run"))


def test_of_two_runs_at_once_into_one_target_the_second_is_refused_before_any_work(
    plan: Any, recipe: Callable[..., str], tmp_path: Path
) -> None:
    target = tmp_path / "out"
    first = plan(1, to=str(target))
    second = plan(1, to=str(target), run=str(tmp_path / "second"))
    refusals = []

    def try_second() -> None:
        with pytest.raises(FatalError, match=rf"{target} is being written by the run {tmp_path}/run; wait .* another `to`"):
            execute(second, LocalRunner())
        with pytest.raises(ConfigError, match=rf"recipe.yaml:\d+:3: {target} is being written by the run {tmp_path}/run"):
            plan(1, to=str(target), run=str(tmp_path / "second"))
        refusals.append(list((tmp_path / "second").glob("work/*")))

    execute(first, Sleeping(try_second, 1))
    assert refusals == [[]]
    assert manifest_of(target)["documents"] == 40


@pytest.mark.parametrize(("error", "shown"), [("the disk is full", " (its last error: the disk is full)"), ("", "")])
def test_a_target_of_a_run_that_has_failed_is_not_called_busy(tmp_path: Path, error: str, shown: str) -> None:
    other, target = str(tmp_path / "other"), str(tmp_path / "out")
    storage.write(f"{target}/{targets.WRITING}", targets.mark(other, "ab", []))
    lease.Lease.acquire(other, "run").release(error)
    assert targets.foreign_data(str(tmp_path / "run"), target) == (
        f"{target} belongs to the run {other}, which has not finished{shown}; run that again, or choose another `to`, or pass "
        "--overwrite to replace its shards"
    )


def test_a_target_of_a_run_that_cannot_be_seen_from_here_may_be_busy(tmp_path: Path) -> None:
    other, target = str(tmp_path / "other"), str(tmp_path / "out")
    storage.write(f"{target}/{targets.WRITING}", targets.mark(other, "ab", []))
    problem = targets.foreign_data(str(tmp_path / "run"), target)
    assert problem.startswith(f"{target} is being written by the run {other}; wait until that has finished, or choose another")


def test_a_run_that_is_overwritten_while_it_writes_stops(plan: Any, tmp_path: Path) -> None:
    target = tmp_path / "out"
    second = plan(5, to=str(target), run=str(tmp_path / "second"))
    path = str(tmp_path / "recipe.yaml")
    overwriting = make_plan(*read_recipe(path), overwrite=True)
    first = plan(1, to=str(target))
    with pytest.raises(FatalError, match="is not marked as being written any more"):
        execute(first, Sleeping(lambda: execute(overwriting, LocalRunner())))
    assert second.name == overwriting.name
    assert manifest_of(target)["documents"] == 26


def test_a_run_that_fails_before_it_writes_leaves_its_target_free(
    plan: Any, planned: Planned, crawl: Any, tmp_path: Path
) -> None:
    target = tmp_path / "out"
    source = ("stages.read_documents", {"paths": crawl(["text"])})
    with pytest.raises(FatalError):
        execute(planned(source, "loses_documents", ("stages.write_parquet", {"to": str(target)})), LocalRunner())
    assert list(target.iterdir()) == []


def test_a_run_in_s3_has_one_driver_as_well(plan: Any, s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = plan(1, run=f"{s3}/leased"), plan(5, run=f"{s3}/leased")

    def take_over() -> None:
        monkeypatch.setattr(lease, "EXPIRY_S", -5.0)
        execute(second, LocalRunner())

    with pytest.raises(FatalError, match=r"another driver took over|is not marked as being written any more"):
        execute(first, Sleeping(take_over))
    manifest = json.loads(storage.read(f"{s3}/leased/write_webdataset/manifest.json"))
    named = {file["name"]: file["sha256"] for shard in manifest["shards"] for file in shard["files"]}
    target = f"{s3}/leased/write_webdataset/"
    there = [*storage.glob(f"{target}shard-*"), *storage.glob(f"{target}.index/shard-*")]
    assert {file.path.removeprefix(target): hashlib.sha256(storage.read(file.path)).hexdigest() for file in there} == named
    assert manifest["documents"] == 26


def test_a_run_is_not_cleaned_while_it_runs(plan: Any, tmp_path: Path) -> None:
    run = str(tmp_path / "run")
    execute(plan(1), LocalRunner())
    answers = []
    execute(plan(5), Sleeping(lambda: answers.append(CliRunner().invoke(main, ["clean", run])), 1))
    [answer] = answers
    assert (answer.exit_code, answer.output.count("\n")) == (2, 1)
    assert "belongs to `interloom run`" in answer.output
    assert CliRunner().invoke(main, ["clean", run]).output.count(" removed") == 4
