"""A run does not read what it writes, and says which links of its input lead to nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from interloom.jobs.__main__ import main
from interloom.pipeline.errors import ConfigError
from interloom.pipeline.planning.plan import Plan, make_plan
from interloom.pipeline.planning.recipe import read_recipe

SINK = "stages.write_parquet"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jsonl").write_text('{"text": "one"}\n')
    return tmp_path / "in"


@pytest.mark.parametrize("pattern", ["", "/", "/**/*.jsonl"])
@pytest.mark.parametrize(("run", "to", "inside"), [("in/run", "", "in/run"), ("in", "", "in"), ("run", "in/out", "in/out")])
def test_a_run_inside_its_own_input_is_refused(
    recipe: Any, folder: Path, tmp_path: Path, pattern: str, run: str, to: str, inside: str
) -> None:
    source = ("stages.read_documents", {"paths": f"{folder}{pattern}"})
    file = recipe(source, (SINK, {"to": str(tmp_path / to) if to else ""}), run=str(tmp_path / run))
    with pytest.raises(ConfigError) as refused:
        make_plan(*read_recipe(file))
    [problem] = [problem for problem in refused.value.problems if " lies in the input " in problem]
    assert problem.startswith(f"{file}:6:5: {tmp_path / inside} lies in the input {folder}")


def test_a_run_inside_its_input_by_a_link_to_a_folder_is_refused(planned: Any, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (folder / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match=rf"{tmp_path}/elsewhere/run lies in the input {folder}, so what this run writes"):
        planned(("stages.read_documents", {"paths": str(folder)}), SINK, run=str(tmp_path / "elsewhere" / "run"))


@pytest.mark.parametrize("pattern", ["", "/", "/**/*.jsonl", "/*/write_parquet/data/*.parquet"])
@pytest.mark.parametrize("place", ["in/run", "in/run/"])
def test_a_run_inside_its_own_input_is_refused_in_object_storage_too(recipe: Any, s3: str, pattern: str, place: str) -> None:
    file = recipe(("stages.read_documents", {"paths": f"{s3}/in{pattern}"}), SINK, run=f"{s3}/{place}")
    with pytest.raises(ConfigError, match=r"/in/run(/|/write_parquet)? lies in the input s3://corpora/in"):
        make_plan(*read_recipe(file))


@pytest.mark.parametrize("bucket", ["s3://corpora", "s3://corpora/"])
def test_a_whole_bucket_is_no_input_of_a_run_in_it(recipe: Any, s3: str, bucket: str) -> None:
    file = recipe(("stages.read_documents", {"paths": bucket}), (SINK, {"to": f"{s3}/out"}))
    with pytest.raises(ConfigError, match="s3://corpora/out lies in the input s3://corpora, so what"):
        make_plan(*read_recipe(file))


@pytest.mark.parametrize("pattern", ["in/*/data/*.parquet", "in/*/*.tar", "in/*/*.jsonl"])
def test_a_target_is_refused_whose_shards_a_pattern_names(recipe: Any, folder: Path, tmp_path: Path, pattern: str) -> None:
    source = ("stages.read_documents", {"paths": [str(folder / "a.jsonl"), str(tmp_path / pattern)]})
    with pytest.raises(ConfigError, match=rf"{folder}/out lies in the input {tmp_path}/in/\*/"):
        make_plan(*read_recipe(recipe(source, (SINK, {"to": str(folder / "out")}))))


@pytest.mark.parametrize(("paths", "run"), [("in/*.jsonl", "in/run"), ("in/a.jsonl", "in/run"), ("in", "run"), ("in", "inner")])
def test_a_run_beside_its_input_is_taken_in_object_storage_too(recipe: Any, s3: str, paths: str, run: str) -> None:
    plan = make_plan(*read_recipe(recipe(("stages.read_documents", {"paths": f"{s3}/{paths}"}), SINK, run=f"{s3}/{run}")))
    assert plan.run == f"{s3}/{run}"


@pytest.mark.parametrize(
    ("paths", "run"), [("in/*.jsonl", "in/run"), ("in/a.jsonl", "in/run"), ("in", "run"), ("in", "input-of-run")]
)
def test_a_run_beside_its_input_is_taken(
    planned: Callable[..., Plan], folder: Path, tmp_path: Path, paths: str, run: str
) -> None:
    plan = planned(("stages.read_documents", {"paths": str(tmp_path / paths)}), SINK, run=str(tmp_path / run))
    assert plan.run == str(tmp_path / run)


def test_archives_may_lie_around_a_run_because_it_writes_none(recipe: Any, folder: Path) -> None:
    (folder / "a.warc").write_bytes(b"WARC/1.0\r\n\r\n")
    assert make_plan(*read_recipe(recipe(("stages.read_warc", {"paths": str(folder)}), SINK, run=str(folder / "run"))))


def test_a_link_to_nothing_is_told_once(recipe: Any, folder: Path) -> None:
    (folder / "gone.jsonl").symlink_to("nothing")
    file = recipe(("stages.read_documents", {"paths": str(folder)}), SINK)
    done = CliRunner().invoke(main, ["run", file, "--runner", "local"])
    assert done.stderr.splitlines()[0] == f"{folder}/gone.jsonl: a link that leads to no file; it is not read"
    assert done.stdout.splitlines()[1].split()[:3] == ["read_documents", "1", "1"]


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("s3:/bucket/key", "write a local path, s3://bucket/key"),
        ("S3:bucket/key", "write a local path, s3://bucket/key"),
        ("file:/tmp/key", "write a local path, s3://bucket/key"),
        ("$HOME/key", "$HOME is not replaced; write a variable as ${NAME}"),
        ("data/${HOME", "${HOME is not replaced; write a variable as ${NAME}"),
        ("${}/key", "${} is not replaced; write a variable as ${NAME}"),
        ("~someone/key", "~someone is not replaced; write the whole path, or ~/ for your home folder"),
    ],
)
@pytest.mark.parametrize("where", ["run", "paths", "to"])
def test_a_path_that_would_be_a_folder_of_an_odd_name_is_refused(
    recipe: Any, folder: Path, monkeypatch: pytest.MonkeyPatch, where: str, path: str, says: str
) -> None:
    monkeypatch.chdir(folder)
    given = {"run": str(folder.parent / "run"), "paths": "a.jsonl", "to": ""} | {where: path}
    source, sink = ("stages.read_documents", {"paths": given["paths"]}), (SINK, {"to": given["to"]})
    with pytest.raises(ConfigError) as refused:
        make_plan(*read_recipe(recipe(source, sink, run=given["run"])))
    [problem] = refused.value.problems
    assert f"{path}: {says}" in problem


def test_a_file_of_an_odd_name_is_read(recipe: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    for name in ("$a.jsonl", "s3:b.jsonl", "~c.jsonl"):
        (folder / name).write_text('{"text": "one"}\n')
    source = ("stages.read_documents", {"paths": ["$a.jsonl", "s3:b.jsonl", "~c.jsonl"]})
    assert make_plan(*read_recipe(recipe(source, SINK)))


@pytest.mark.parametrize("name", ["work", "reports", "lease", "targets", "code"])
@pytest.mark.parametrize("how", ["id", "to"])
def test_a_sink_among_what_a_run_keeps_for_itself_is_refused(
    recipe: Any, folder: Path, tmp_path: Path, name: str, how: str
) -> None:
    sink = {"use": SINK, "id": name} if how == "id" else (SINK, {"to": str(tmp_path / "run" / name)})
    with pytest.raises(ConfigError, match=rf"/run/{name} lies among the run's .*; choose another folder, or another id"):
        make_plan(*read_recipe(recipe(("stages.read_documents", {"paths": str(folder)}), sink)))


@pytest.mark.parametrize(
    ("to", "says"),
    [
        ("run", "holds the run's own folder"),
        (".", "holds the run's own folder"),
        ("run/work", "lies among the run's intermediate results"),
        ("other/inner", "lies in the run"),
    ],
)
def test_shards_of_others_may_be_overwritten_but_no_other_files(
    recipe: Any, folder: Path, tmp_path: Path, to: str, says: str
) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "plan.json").write_text('{"phases": []}')
    file = recipe(("stages.read_documents", {"paths": str(folder / "a.jsonl")}), (SINK, {"to": str(tmp_path / to)}))
    with pytest.raises(ConfigError, match=says):
        make_plan(*read_recipe(file), overwrite=True)


def test_a_manifest_of_something_else_is_kept_when_shards_are_overwritten(recipe: Any, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "manifest.json").write_text('{"name": "a web app"}')
    file = recipe(("stages.read_documents", {"paths": str(folder)}), (SINK, {"to": str(tmp_path / "out")}))
    with pytest.raises(ConfigError, match=r"out/manifest.json: not written by Interloom and would be replaced"):
        make_plan(*read_recipe(file), overwrite=True)


def test_the_run_of_a_recipe_of_another_name_is_kept(recipe: Any, folder: Path, tmp_path: Path) -> None:
    source = ("stages.read_documents", {"paths": str(folder)})
    assert CliRunner().invoke(main, ["run", recipe(source, SINK, name="first"), "--runner", "local"]).exit_code == 0
    second = recipe(source, "filters.word_count", SINK, name="second")
    with pytest.raises(ConfigError, match=r"/run is the run of the recipe 'first', whose results this one would replace; choose"):
        make_plan(*read_recipe(second))
    assert make_plan(*read_recipe(second), overwrite=True).name == "second"
    assert make_plan(*read_recipe(recipe(source, "filters.word_count", SINK, name="first"))).name == "first"
