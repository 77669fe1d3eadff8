"""`verify` finds every file of a run that is gone or differs, names its unit, and the next run makes it again."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import interloom
from interloom.jobs.__main__ import main
from interloom.pipeline.execution import run_unit
from interloom.pipeline.execution.driver import execute
from interloom.pipeline.execution.runner_local import LocalRunner
from interloom.pipeline.planning.plan import Plan
from interloom.pipeline.store import storage
from interloom.pipeline.store.lease import Lease


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_unit, "_FIRST_PAUSE_S", 0.0)


@pytest.fixture
def plan(planned: Callable[..., Plan], crawl: Callable[..., str]) -> Callable[..., Plan]:
    """The plan of a run with pictures, a global step, side tables and scores."""

    def make(**head: Any) -> Plan:
        source = ("stages.read_documents", {"paths": crawl([f"text number {n % 30}" for n in range(40)])})
        sink = ("stages.write_webdataset", {"shard_size_bytes": 4000})
        return planned(source, "draws_pictures", "scores_length", "sets_words_aside", "stages.dedup_exact", sink, **head)

    return make


@pytest.fixture
def finished(plan: Any, tmp_path: Path) -> Path:
    execute(plan(), LocalRunner())
    return tmp_path / "run"


def verify(run: Path | str, *more: str) -> Result:
    return CliRunner().invoke(main, ["verify", str(run), *more])


def files(run: Path) -> dict[str, bytes]:
    """All files whose checksums are noted somewhere."""
    found = [file for place in ("work", "write_webdataset") for file in (run / place).rglob("*") if file.is_file()]
    noted = [file for file in found if not (file.is_relative_to(run / "work") and file.suffix == ".json")]
    return {str(file.relative_to(run)): file.read_bytes() for file in noted}


def test_a_run_that_is_whole_is_told_so(finished: Path) -> None:
    answer = verify(finished)
    assert (answer.exit_code, answer.output.count("\n")) == (0, 1)
    assert f"{finished}: {len(files(finished))} files with" in answer.output
    assert answer.output.endswith(" are as they were written\n")


@pytest.mark.parametrize("number", range(12))
def test_one_flipped_bit_in_any_file_is_found_and_mended_by_the_next_run(plan: Any, finished: Path, number: int) -> None:
    before, draw = files(finished), random.Random(number)
    names = sorted(before)
    name = names[number * len(names) // 12]
    place = draw.randrange(len(before[name]))
    data = bytearray(before[name])
    data[place] ^= 1 << draw.randrange(8)
    (finished / name).write_bytes(data)
    answer = verify(finished)
    assert (answer.exit_code, answer.output.count("\n")) == (1, 2)
    assert answer.output.startswith(f"{finished / name}: other bytes: its sha256 is not the one that was noted; ")
    if name.startswith("work"):
        assert f"; unit {name.split('/')[2]} of " in answer.output
    execute(plan(), LocalRunner())
    assert verify(finished).exit_code == 0
    assert files(finished) == before


def test_all_that_is_gone_or_cut_is_listed_and_made_again(plan: Any, finished: Path) -> None:
    before = files(finished)
    gone = [name for name in before if Path(name).name.startswith(("decisions", "manifest", "documents"))]
    cut = [name for name in before if name.endswith("00001.tar") or Path(name).name.startswith("blob")]
    for name in gone:
        (finished / name).unlink()
    for name in cut:
        (finished / name).write_bytes(before[name][:-1])
    answer = verify(finished)
    assert sorted(line.partition(": ")[0] for line in answer.output.splitlines()[:-1]) == sorted(
        str(finished / name) for name in gone + cut
    )
    assert f"{len(gone + cut)} of {len(before)} files are missing or damaged; `interloom run` makes them" in answer.output
    execute(plan(), LocalRunner())
    assert files(finished) == before


def test_a_dry_run_marks_nothing(plan: Any, finished: Path) -> None:
    [shard] = [file for file in files(finished) if file.endswith("00001.tar")]
    whole = (finished / shard).read_bytes()
    (finished / shard).write_bytes(bytes(len(whole)))
    assert verify(finished, "--dry-run").exit_code == 1
    execute(plan(), LocalRunner())
    assert (finished / shard).read_bytes() == bytes(len(whole))
    assert verify(finished).exit_code == 1
    execute(plan(), LocalRunner())
    assert (finished / shard).read_bytes() == whole


def test_nothing_is_marked_in_a_run_that_is_being_run(finished: Path) -> None:
    commits = sorted(finished.glob("work/*/commits/*"))
    next(finished.glob("work/*/*/documents-*")).unlink()
    lease = Lease.acquire(str(finished), "run")
    answer = verify(finished)
    lease.release()
    assert answer.exit_code == 1
    assert "they are not marked to be made again, because" in answer.output
    assert sorted(finished.glob("work/*/commits/*")) == commits


def test_a_commit_that_cannot_be_read_is_listed_and_written_again(plan: Any, finished: Path) -> None:
    commit = next(finished.glob("work/*/commits/*"))
    before = files(finished)
    commit.write_bytes(b"{")
    assert f"{commit}: it is no commit; unit {commit.stem} of" in verify(finished, "--dry-run").output
    execute(plan(), LocalRunner())
    assert verify(finished).exit_code == 0
    assert files(finished) == before


@pytest.mark.parametrize(
    "pattern", ["work/*/commits/*", "work/read_documents-*", "work/*.write-*/units.json", "work/*.write-*", "targets"]
)
def test_what_is_lost_of_a_finished_run_is_listed_and_made_again(plan: Any, finished: Path, pattern: str) -> None:
    lost, before = next(finished.glob(pattern)), files(finished)
    shutil.rmtree(lost) if lost.is_dir() else lost.unlink()
    answer = verify(finished)
    assert answer.exit_code == 1
    assert [line for line in answer.output.splitlines() if line.startswith(str(lost)) and ": missing; " in line]
    execute(plan(), LocalRunner())
    assert verify(finished).exit_code == 0
    assert files(finished) == before


def test_what_an_unfinished_run_has_not_made_yet_is_not_missing(plan: Any, finished: Path) -> None:
    (finished / "finished.json").unlink()
    shutil.rmtree(finished / "targets")
    (finished / "write_webdataset" / "manifest.json").unlink()
    next(finished.glob("work/*.write-*/commits/*")).unlink()
    answer = verify(finished)
    assert answer.exit_code == 0
    assert answer.output.endswith("; the run is not finished, so commits that are gone would not be missed\n")


@pytest.mark.parametrize("pattern", ["targets/*", "finished.json", "work/read_documents-*/units.json"])
@pytest.mark.parametrize("content", [b"{", b"{}", b'["a"]', b""])
def test_a_damaged_note_is_a_problem_and_lost_commits_are_found_all_the_same(
    finished: Path, pattern: str, content: bytes
) -> None:
    if (pattern, content) == ("finished.json", b"{}"):
        content = b"[]"
    [note] = [file for file in finished.glob(pattern) if file.is_file()]
    note.write_bytes(content)
    commit = next(finished.glob("work/*.write-*/commits/*"))
    commit.unlink()
    answer = verify(finished, "--dry-run")
    told = [line.partition("; ")[0] for line in answer.output.splitlines()]
    assert answer.exit_code == 1
    assert f"{commit}: missing" in told
    assert [line for line in told if line.startswith(f"{note}: ")]


def test_a_note_that_is_gone_although_the_manifest_is_there_is_missed(plan: Any, finished: Path) -> None:
    (finished / "finished.json").unlink()
    assert f"{finished}/finished.json: missing; the run\n" in verify(finished).output
    execute(plan(), LocalRunner())
    assert verify(finished).exit_code == 0


def test_a_list_of_units_that_is_broken_is_told_and_the_state_of_the_rest_is_shown(finished: Path) -> None:
    listed = next(finished.glob("work/read_documents-*/units.json"))
    listed.write_bytes(b"{")
    answer = CliRunner().invoke(main, ["status", str(finished)])
    assert answer.exit_code == 0
    assert f"failed: {listed} is broken; `interloom run` writes it again" in answer.output
    assert "sets_words_aside: 1 of 1 units finished" in answer.output


def test_a_run_that_was_moved_is_verified_in_full_and_goes_on_as_its_own(plan: Any, finished: Path, tmp_path: Path) -> None:
    before = files(finished)
    moved = finished.rename(tmp_path / "moved")
    assert f"{moved}: {len(before)} files with" in verify(moved).output
    (moved / "write_webdataset" / "manifest.json").unlink()
    execute(plan(run=str(moved)), LocalRunner())
    assert files(moved) == before


def test_a_run_without_its_notes_knows_its_own_shards(plan: Any, finished: Path, tmp_path: Path) -> None:
    shutil.rmtree(finished / "targets")
    before = files(finished)
    execute(plan(), LocalRunner())
    assert files(finished) == before


def test_a_run_in_s3_is_verified_and_mended(plan: Any, s3: str) -> None:
    run = f"{s3}/verified"
    execute(plan(run=run), LocalRunner())
    before = {file.path: storage.read(file.path) for file in storage.glob(f"{run}/write_webdataset/")}
    assert verify(run).exit_code == 0
    [blob, *_] = [file.path for file in storage.glob(f"{run}/work/") if "/blob" in file.path]
    storage.write(blob, storage.read(blob)[:-1] + b"?")
    storage.remove(f"{run}/write_webdataset/shard-000000.tar")
    assert verify(run).output.count("; unit ") == 2
    execute(plan(run=run), LocalRunner())
    assert verify(run).exit_code == 0
    assert {file.path: storage.read(file.path) for file in storage.glob(f"{run}/write_webdataset/")} == before


def test_where_there_is_no_run_it_is_told(tmp_path: Path) -> None:
    answer = verify(tmp_path)
    assert (answer.exit_code, answer.output) == (2, f"{tmp_path}: no run here (it has no plan.json)\n")


@pytest.fixture
def project(tmp_path: Path, planned: Callable[..., Plan], crawl: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a run and, beside it, what its sink wrote; the recipe names both as they are seen from the folder."""
    source = ("stages.read_documents", {"paths": crawl([f"text number {n}" for n in range(8)])})
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    plan = planned(source, ("stages.write_parquet", {"to": "out", "shard_size_bytes": 4000}), run="run")
    execute(plan, LocalRunner())
    monkeypatch.chdir(tmp_path)
    return folder


def test_a_sink_beside_its_run_is_found_from_any_folder(project: Path) -> None:
    answer = verify(project / "run")
    assert (answer.exit_code, answer.output.count("MB are as they were written; what write_parquet wrote lies in")) == (0, 1)
    assert answer.output.endswith(f"lies in {project / 'out'}\n")
    assert interloom.open(str(project / "run")).documents().num_rows == 8


@pytest.mark.parametrize("is_copied", [True, False])
@pytest.mark.parametrize("name", ["manifest.json", "README.md"])
def test_a_sink_that_was_moved_with_its_run_is_verified_in_full(project: Path, is_copied: bool, name: str) -> None:
    there = project.with_name("there")
    shutil.copytree(project, there) if is_copied else project.rename(there)
    assert verify(there / "run").exit_code == 0
    (there / "out" / name).unlink()
    assert f"{there / 'out' / name}: missing; " in verify(there / "run").output


def test_nothing_is_marked_where_the_data_of_the_sink_are_not(project: Path) -> None:
    (project / "out").rename(project / "elsewhere")
    commits = sorted(project.glob("run/work/*/commits/*"))
    answer = verify(project / "run")
    assert answer.exit_code == 1
    assert answer.output.startswith(f"{project / 'out'}: none of the shards is here; ")
    assert answer.output.endswith(": 1 of 3 files are missing or damaged; nothing is marked to be made again\n")
    assert sorted(project.glob("run/work/*/commits/*")) == commits


def test_nothing_is_marked_where_another_run_writes_now(project: Path) -> None:
    manifest = project / "out" / "manifest.json"
    manifest.write_text(json.dumps({"fingerprint": "of another", "name": "later", "shards": []}))
    answer = verify(project / "run")
    assert answer.output.startswith(f"{project / 'out'}: is now written by the recipe 'later' as another run; ")
    assert answer.output.endswith("nothing is marked to be made again\n")


@pytest.mark.parametrize("is_copied", [True, False])
def test_a_run_that_was_moved_with_its_sink_knows_its_own(
    project: Path, planned: Callable[..., Plan], crawl: Callable[..., str], monkeypatch: pytest.MonkeyPatch, is_copied: bool
) -> None:
    there = project.with_name("there")
    shutil.copytree(project, there) if is_copied else project.rename(there)
    monkeypatch.chdir(there)
    source = ("stages.read_documents", {"paths": crawl([f"text number {n}" for n in range(8)])})
    (there / "out" / "manifest.json").unlink()
    execute(planned(source, ("stages.write_parquet", {"to": "out", "shard_size_bytes": 4000}), run="run"), LocalRunner())
    monkeypatch.chdir(project.parent)
    assert verify(there / "run").exit_code == 0
    [note] = [json.loads(file.read_bytes()) for file in (there / "run" / "targets").iterdir() if b"shard" in file.read_bytes()]
    assert (note["to"], note["run"]) == (str(there / "out"), str(there / "run"))
