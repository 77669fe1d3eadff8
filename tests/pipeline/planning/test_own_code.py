"""Plug-ins beside a recipe: found there after all that is installed, stored with the run, loaded from there."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from interloom.pipeline.errors import ConfigError
from interloom.pipeline.execution.runner_ray import work
from interloom.pipeline.execution.units import FinishedPhases, enumerate_units
from interloom.pipeline.planning import own_code, plugins
from interloom.pipeline.planning.phases import cut
from interloom.pipeline.planning.plan import Plan, make_plan
from interloom.pipeline.planning.recipe import read_recipe
from interloom.pipeline.store import storage

FILTER = (
    "from interloom.pipeline.filter import document_filter\nfrom interloom.schemas.outcome import Drop\n\n\n"
    "@document_filter\ndef {name}(doc, *, limit: int = {limit}):\n    '''Drops documents of this length.'''\n"
    "    return Drop('long') if len(doc.text) > limit else None\n"
)
UNTYPED = FILTER.format(name="broken", limit=1).replace("limit: int", "limit")
Plans = Callable[..., Plan]


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """No code of another test's recipe is left, before or after."""
    own_code.admit_beside("", [])
    yield
    own_code.admit_beside("", [])


@pytest.fixture
def plan(recipe: Callable[..., str], crawl: Callable[..., str]) -> Plans:
    def make(use: str) -> Plan:
        return make_plan(*read_recipe(recipe(("stages.read_documents", {"paths": crawl(["one"])}), use, "stages.write_parquet")))

    return make


def write(file: Path, limit: int = 1) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(FILTER.format(name=file.stem, limit=limit))


@pytest.mark.parametrize(("file", "use"), [("too_long.py", "too_long"), ("mine/too_long.py", "mine.too_long")])
def test_a_file_or_a_package_beside_the_recipe_is_a_plug_in(plan: Plans, tmp_path: Path, file: str, use: str) -> None:
    path = list(sys.path)
    write(tmp_path / file, 7)
    assert plan(use).steps[1].parameters == {"limit": 7}
    assert sys.path == path


def test_what_is_installed_comes_first(plan: Plans, tmp_path: Path) -> None:
    write(tmp_path / "lifts.py")
    assert "word" in plan("lifts").steps[1].parameters


def test_other_folders_beside_the_recipe_are_not_importable(plan: Plans, tmp_path: Path) -> None:
    write(tmp_path / "mine/too_long.py")
    (tmp_path / "others").mkdir()
    plan("mine.too_long")
    assert importlib.util.find_spec("mine") is not None
    assert importlib.util.find_spec("others") is None


def test_an_edited_plug_in_is_used_by_the_next_plan_of_the_same_process(plan: Plans, tmp_path: Path) -> None:
    made = []
    for limit in (1, 2):
        write(tmp_path / "too_long.py", limit)
        made.append(plan("too_long"))
    assert [one.steps[1].parameters["limit"] for one in made] == [1, 2]
    assert made[0].own_code != made[1].own_code
    assert made[0].steps[0].fingerprint == made[1].steps[0].fingerprint


def test_a_recipe_without_plug_ins_of_its_own_forgets_those_of_the_last_one(plan: Plans, tmp_path: Path) -> None:
    write(tmp_path / "too_long.py")
    plan("too_long")
    assert plan("filters.word_count").own_code == ""
    with pytest.raises(ConfigError):
        plugins.find("too_long")


def test_a_worker_loads_what_was_stored_and_not_what_lies_beside_the_recipe_by_now(plan: Plans, tmp_path: Path) -> None:
    write(tmp_path / "mine/too_long.py", 5)
    made = plan("mine.too_long")
    own_code.store(str(tmp_path / "run"), made.own_code)
    shutil.rmtree(tmp_path / "mine")
    own_code.admit_beside("", [])  # another process
    own_code.load(str(tmp_path / "run"), made.own_code)
    assert plugins.find("mine.too_long").model.model_fields["limit"].default == 5


def test_a_worker_that_has_seen_no_code_of_the_recipe_runs_its_units(plan: Plans, tmp_path: Path) -> None:
    write(tmp_path / "mine/too_long.py", 5)
    made = plan("mine.too_long")
    own_code.store(made.run, made.own_code)
    phase = cut(made)[0]
    [unit] = enumerate_units(phase, FinishedPhases(made.run, {}))
    shutil.rmtree(tmp_path / "mine")
    own_code.admit_beside("", [])  # another process
    assert work(made.run, json.dumps(phase.to_json()), json.dumps(unit.to_json())) is None


def test_all_phases_name_the_code_that_they_need(plan: Plans, tmp_path: Path) -> None:
    write(tmp_path / "too_long.py")
    made = plan("too_long")
    assert {phase.own_code for phase in cut(made)} == {made.own_code} != {""}


def test_plug_ins_beside_a_recipe_in_s3_are_found(s3: str, tmp_path: Path) -> None:
    write(tmp_path / "too_long.py", 9)
    storage.upload(tmp_path / "too_long.py", f"{s3}/recipes/mine/too_long.py")
    assert own_code.admit_beside(f"{s3}/recipes/web.yaml", ["mine.too_long", "filters.word_count"])
    assert plugins.find("mine.too_long").model.model_fields["limit"].default == 9


def test_more_than_is_sensible_is_refused(plan: Plans, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "mine/too_long.py")
    monkeypatch.setattr(own_code, "MAX_BYTES", 100)
    with pytest.raises(ConfigError, match="install them"):
        plan("mine.too_long")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("raise ValueError('not today')", "mine.broken cannot be imported: ValueError: not today"),
        ("import sys\nsys.exit(3)", "mine.broken cannot be imported: it ends the program"),
        (
            FILTER.format(name="broken", limit=1).replace("limit: int", "limit"),
            "mine.broken: its parameter 'limit' needs a type annotation",
        ),
    ],
)
def test_a_plug_in_that_cannot_be_used_is_one_line(plan: Plans, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/broken.py").write_text(text)
    with pytest.raises(ConfigError) as refused:
        plan("mine.broken")
    assert [problem.partition(": ")[2] for problem in refused.value.problems] == [message]


def test_a_folder_called_like_an_installed_package_is_told_so(plan: Plans, tmp_path: Path) -> None:
    write(tmp_path / "numpy/too_long.py")
    with pytest.raises(ConfigError, match="an installed package is called 'numpy'"):
        plan("numpy.too_long")


def test_what_python_finds_beside_the_recipe_because_it_started_there_is_stored_too(
    plan: Plans, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "mine/too_long.py")
    monkeypatch.syspath_prepend(str(tmp_path))  # as `python -m` does
    made = plan("mine.too_long")
    assert list(own_code.files_of(made.own_code)) == ["mine/too_long.py"]
