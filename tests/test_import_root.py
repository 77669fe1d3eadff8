"""A user's folders may be called as they like: nothing of ours is taken for theirs, nor theirs for ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HOSTILE = ("schemas", "jobs", "filters", "stages", "pipeline", "interloom/pipeline", "interloom/stages")


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A user's project whose folders are called like ours and must not be imported by us."""
    for name in HOSTILE:
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "__init__.py").write_text(f"raise RuntimeError('imported {name}')")
    (tmp_path / "in.jsonl").write_text("".join(json.dumps({"text": f"page number {n}"}) + "\n" for n in range(3)))
    (tmp_path / "mypack").mkdir()
    (tmp_path / "mypack" / "words.txt").write_text("seven")
    (tmp_path / "mypack" / "_colours.py").write_text("LIMIT = 2")
    (tmp_path / "mypack" / "too_short.py").write_text(
        "from interloom.pipeline.filter import document_filter\nfrom interloom.schemas.outcome import Drop\n"
        "from mypack._colours import LIMIT\nimport beside\n\n\n@document_filter\ndef too_short(doc, *, at_least: int = LIMIT):\n"
        '    """Drops short documents."""\n    return Drop("short") if len(doc.text) < at_least * beside.FACTOR else None\n'
    )
    (tmp_path / "beside.py").write_text("FACTOR = 1")
    (tmp_path / "recipe.yaml").write_text(
        "name: own\nrun: out\nsteps:\n- use: stages.read_documents\n  with: {paths: in.jsonl}\n- use: mypack.too_short\n"
        "- use: filters.word_count\n  with: {at_least: 1}\n- use: stages.write_parquet\n"
    )
    return tmp_path


def interloom(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("interloom")), *arguments]
    environment = {**os.environ, "PYTHONPATH": ""}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize("arguments", [["--version"], ["list"], ["validate", "recipe.yaml"]])
def test_the_command_works_in_a_folder_with_names_like_ours(hostile: Path, arguments: list[str]) -> None:
    answer = interloom(hostile, *arguments)
    assert (answer.returncode, answer.stderr) == (0, "")


def test_a_ray_jobs_working_directory_may_hold_names_like_ours(hostile: Path) -> None:
    """Ray puts it on the path of the driver and of the workers."""
    code = "from interloom.jobs.__main__ import main; main(['validate', 'recipe.yaml'])"
    environment = {**os.environ, "PYTHONPATH": str(hostile)}
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=hostile, env=environment, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr


def test_a_run_takes_its_own_plug_ins_from_beside_the_recipe(hostile: Path) -> None:
    answer = interloom(hostile, "run", "recipe.yaml", "--runner", "local")
    assert answer.returncode == 0, answer.stderr
    stored = {path.name for path in (hostile / "out/code").rglob("*") if path.is_file()}
    assert stored == {"words.txt", "_colours.py", "too_short.py", "beside.py"}


@pytest.mark.slow
@pytest.mark.ray
def test_a_run_on_ray_gives_the_same_bytes_with_plug_ins_of_its_own(hostile: Path) -> None:
    shards = []
    for runner in ("local", "ray"):
        answer = interloom(hostile, "run", "recipe.yaml", "--runner", runner, "--set", f"run={runner}")
        assert answer.returncode == 0, answer.stderr
        shards.append((hostile / runner / "write_parquet/data/shard-000000.parquet").read_bytes())
    assert shards[0] == shards[1]


def test_a_filter_in_a_folder_called_filters_is_told_another_name(hostile: Path) -> None:
    (hostile / "filters" / "too_dark.py").write_text("")
    recipe = hostile / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("mypack.too_short", "filters.too_dark"))
    answer = interloom(hostile, "validate", "recipe.yaml")
    assert answer.stderr.strip() == (
        "recipe.yaml:6:3: no 'filters.too_dark'; `filters.` means Interloom's own: give the folder of your filters/too_dark.py "
        "another name and write `use: <folder>.too_dark`"
    )
