"""The manifest is there when the shards are whole, and says what they are."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interloom.pipeline.errors import ConfigError, FatalError
from interloom.pipeline.execution.driver import execute
from interloom.pipeline.execution.run_unit import do_unit
from interloom.pipeline.execution.runner_local import LocalRunner
from interloom.pipeline.planning.plan import Plan, make_plan
from interloom.pipeline.planning.recipe import read_recipe
from interloom.pipeline.store import storage
from interloom.schemas.columns import SCHEMA_VERSION

Planned = Callable[..., Plan]


class Stopped(LocalRunner):
    """Dies after so many units of writing."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self._left = after

    def run_unit(self, run: str, phase: Any, unit: Any) -> Any:
        if phase.kind == "write":
            self._left -= 1
        if self._left < -1:
            raise KeyboardInterrupt
        return super().run_unit(run, phase, unit)


class KilledBeforeItsCommit(LocalRunner):
    """Dies when the first shard is written and its unit not committed."""

    def run_unit(self, run: str, phase: Any, unit: Any) -> Any:
        if phase.kind == "write":
            do_unit(run, phase, unit)
            raise KeyboardInterrupt
        return super().run_unit(run, phase, unit)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "shards"


@pytest.fixture
def write(planned: Planned, crawl: Callable[..., str], place: Path, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Runs this many documents into the place; the manifest. All runs share their folder and their input file."""

    def run(count: int, *steps: Any, runner: LocalRunner | None = None, **sink: Any) -> dict[str, Any]:
        source = ("stages.read_documents", {"paths": crawl([f"text number {n}" for n in range(count)])})
        target = ("stages.write_webdataset", {"to": str(place), "shard_size_bytes": 4000, **sink})
        execute(planned(source, *steps, target), runner or LocalRunner())
        found: dict[str, Any] = json.loads((place / "manifest.json").read_text())
        return found

    return run


def shards(place: Path) -> list[str]:
    return sorted(str(file.relative_to(place)) for pattern in ("shard*", ".index/shard-*") for file in place.glob(pattern))


def named(manifest: dict[str, Any]) -> list[str]:
    return sorted(file["name"] for shard in manifest["shards"] for file in shard["files"])


def test_every_shard_is_named_with_its_checksum_and_size(write: Any, place: Path) -> None:
    manifest = write(40)
    files = [file for shard in manifest["shards"] for file in shard["files"]]
    for file in files:
        data = (place / file["name"]).read_bytes()
        assert (file["sha256"], file["size_bytes"]) == (hashlib.sha256(data).hexdigest(), len(data))
    assert named(manifest) == shards(place)
    assert len(files) > 4


def test_it_says_what_is_in_the_shards_and_where_it_came_from(write: Any) -> None:
    manifest = write(40, ("filters.word_count", {"at_least": 3}))
    assert (manifest["documents"], manifest["images"], manifest["schema_version"]) == (40, 0, SCHEMA_VERSION)
    assert sum(shard["documents"] for shard in manifest["shards"]) == 40
    assert [step["key"] for step in manifest["steps"]] == ["read_documents", "word_count", "write_webdataset"]
    assert manifest["funnel"]["word_count"]["documents"]["out"] == 40


def test_an_unfinished_sink_has_no_manifest(write: Any, place: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        write(40, runner=Stopped(2))
    assert not (place / "manifest.json").exists()
    assert shards(place) != []


def test_a_finished_sink_holds_no_marks(write: Any, place: Path) -> None:
    write(40)
    assert not (place / "writing.json").exists()


def test_another_recipes_shards_in_the_same_place_are_replaced(write: Any, place: Path) -> None:
    many = write(40)
    few = write(40, "lifts", shard_size_bytes=1 << 20)
    assert few["fingerprint"] != many["fingerprint"]
    assert shards(place) == named(few) == [".index/shard-000000.tar.rows", "shard-000000.tar", "shard-000000.tar.idx"]


def test_the_manifest_goes_before_shards_are_replaced(write: Any, place: Path) -> None:
    write(40)
    with pytest.raises(KeyboardInterrupt):
        write(40, "lifts", runner=Stopped(0))
    assert not (place / "manifest.json").exists()


def test_going_back_to_the_first_recipe_writes_its_shards_again(write: Any, place: Path) -> None:
    first = write(40)
    bytes_ = (place / "shard-000000.tar").read_bytes()
    write(40, "lifts", shard_size_bytes=1 << 20)
    assert write(40) == first
    assert (place / "shard-000000.tar").read_bytes() == bytes_


def test_a_changed_input_makes_a_new_manifest(write: Any, place: Path) -> None:
    write(40)
    manifest = write(10)
    assert manifest["documents"] == 10
    assert shards(place) == named(manifest)
    for shard in manifest["shards"]:
        for file in shard["files"]:
            assert file["sha256"] == hashlib.sha256((place / file["name"]).read_bytes()).hexdigest()


def test_shards_of_a_run_that_was_given_up_are_removed(write: Any, place: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        write(40, runner=Stopped(3))
    manifest = write(5, "lifts", shard_size_bytes=1 << 20)
    assert shards(place) == named(manifest)


def test_a_shard_that_was_written_and_not_committed_is_removed(write: Any, place: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        write(40, runner=KilledBeforeItsCommit())
    assert "shard-000000.tar" in shards(place)
    manifest = write(0)
    assert shards(place) == named(manifest) == []


def test_files_of_others_are_left_alone_even_if_their_names_look_like_those_of_shards(write: Any, place: Path) -> None:
    write(40)
    (place / "shard-000099.tar").write_text("mine")
    write(5)
    assert (place / "shard-000099.tar").read_text() == "mine"


def test_a_finished_sink_leaves_no_notes_about_single_shards(write: Any, tmp_path: Path) -> None:
    write(40)
    assert [path for path in (tmp_path / "run" / "targets").iterdir() if path.is_dir()] == []


def test_indexes_of_another_sink_in_the_same_place_are_removed(write: Any, planned: Planned, crawl: Any, place: Path) -> None:
    write(5)
    source = ("stages.read_documents", {"paths": crawl(["text"])})
    execute(planned(source, ("stages.write_parquet", {"to": str(place)})), LocalRunner())
    assert sorted(str(file.relative_to(place)) for file in place.rglob("*") if file.is_file()) == [
        ".index/data/shard-000000.parquet.rows",
        ".index/shards.bin",
        "README.md",
        "data/shard-000000.parquet",
        "manifest.json",
    ]


def test_what_else_is_put_into_the_folder_later_is_left_alone(write: Any, place: Path) -> None:
    write(40)
    (place / "photos").mkdir(parents=True)
    (place / "photos" / "shard-000009.tar").write_text("mine")
    (place / "notes.txt").write_text("mine")
    write(5)
    assert (place / "photos" / "shard-000009.tar").read_text() == (place / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["notes.txt", "photos/1.jpg", "shard-000000.tar"])
def test_a_folder_that_holds_something_else_is_refused_before_any_work(
    write: Any, place: Path, tmp_path: Path, name: str
) -> None:
    (place / name).parent.mkdir(parents=True)
    (place / name).write_text("mine")
    with pytest.raises(ConfigError, match=r"recipe.yaml:7:3: .*/shards holds data that this run did not write; choose another"):
        write(5)
    assert (place / name).read_text() == "mine"
    assert not (tmp_path / "run").exists()


def test_another_runs_dataset_in_the_same_place_is_refused(
    write: Any, recipe: Callable[..., str], crawl: Callable[..., str], place: Path, tmp_path: Path
) -> None:
    manifest = write(40)
    steps = (("stages.read_documents", {"paths": crawl(["another text"])}), ("stages.write_webdataset", {"to": str(place)}))
    located = read_recipe(recipe(*steps, run=str(tmp_path / "second")))
    with pytest.raises(ConfigError, match="holds data that this run did not write"):
        make_plan(*located)
    assert json.loads((place / "manifest.json").read_text()) == manifest
    execute(make_plan(*located, overwrite=True), LocalRunner())
    assert shards(place) == [".index/shard-000000.tar.rows", "shard-000000.tar", "shard-000000.tar.idx"]


def test_data_that_came_into_the_folder_after_planning_are_not_replaced(planned: Planned, crawl: Any, place: Path) -> None:
    plan = planned(("stages.read_documents", {"paths": crawl(["text"])}), ("stages.write_parquet", {"to": str(place)}))
    place.mkdir()
    (place / "notes.txt").write_text("mine")
    with pytest.raises(FatalError, match="holds data that this run did not write"):
        execute(plan, LocalRunner())
    assert [file.name for file in place.iterdir()] == ["notes.txt"]


def test_a_sink_in_s3_is_guarded_too(planned: Planned, crawl: Any, s3: str) -> None:
    storage.write(f"{s3}/taken/notes.txt", b"mine")
    source = ("stages.read_documents", {"paths": crawl(["text"])})
    with pytest.raises(ConfigError, match="holds data that this run did not write"):
        planned(source, ("stages.write_parquet", {"to": f"{s3}/taken"}))
    planned(source, ("stages.write_parquet", {"to": f"{s3}/take"}))


@pytest.mark.parametrize("text", ['{"name": "my own"}', "[]", "not JSON"])
def test_a_strangers_manifest_is_not_replaced(write: Any, place: Path, text: str) -> None:
    place.mkdir()
    (place / "manifest.json").write_text(text)
    with pytest.raises((ConfigError, FatalError), match=r"manifest.json: not written by Interloom"):
        write(5)
    assert (place / "manifest.json").read_text() == text


def test_names_in_an_old_manifest_never_lead_out_of_the_folder(write: Any, place: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    write(5)
    manifest = json.loads((place / "manifest.json").read_text())
    (place / "manifest.json").write_text(json.dumps({**manifest, "indexes": ["../precious"]}))
    write(6)
    assert (tmp_path / "precious").read_text() == "mine"


def test_the_card_is_the_same_after_a_resume(write: Any, place: Path, tmp_path: Path) -> None:
    write(40, "scores_length", "stages.dedup_exact")
    card = (place / "README.md").read_bytes()
    shutil.rmtree(place)
    shutil.rmtree(tmp_path / "run")
    with pytest.raises(KeyboardInterrupt):
        write(40, "scores_length", "stages.dedup_exact", runner=Stopped(2))
    write(40, "scores_length", "stages.dedup_exact")
    assert (place / "README.md").read_bytes() == card


def test_the_card_tells_the_funnel_in_the_order_of_the_steps(write: Any, place: Path) -> None:
    write(40, "scores_length", ("filters.score", {"of": "length", "on": "document", "at_least": 14}))
    card = (place / "README.md").read_text()
    documents = card[card.index("## Funnel") : card.index("Images; in + new")]
    assert [line for line in documents.splitlines() if line.startswith("| ")][1:] == [
        "| read_documents | 40 | 0 | 40 | 0 | 0 |  |",
        "| scores_length | 40 | 0 | 40 | 0 | 0 |  |",
        "| score | 40 | 0 | 30 | 10 | 0 | score_too_low 10 |",
        "| write_webdataset | 30 | 0 | 30 | 0 | 0 |  |",
    ]
