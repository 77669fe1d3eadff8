"""The README's instructions work when they are followed to the letter."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image as Picture

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def block(language: str, start: str) -> str:
    """The fenced block of this language that begins so."""
    blocks = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    return next(text for text in blocks if text.startswith(start))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A user's folder with the filter of `Add a filter`, and a recipe with its two lines."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "too_blurred.py").write_text(block("python", "from interloom"))
    (tmp_path / "in").mkdir()
    Picture.new("RGB", (64, 64), "teal").save(tmp_path / "in" / "a.png")
    recipe = "name: mine\nrun: out\nsteps:\n  - use: stages.read_images\n    with: {paths: in}\n  - use: stages.decode_images\n"
    (tmp_path / "recipe.yaml").write_text(
        f"{recipe}{block('yaml', '  - use: stages.score_sharpness')}  - use: stages.write_parquet\n"
    )
    return tmp_path


def interloom(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("interloom")), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)


def test_add_a_filter_works_as_written(project: Path) -> None:
    answer = interloom(project, "run", "recipe.yaml", "--runner", "local")
    assert answer.returncode == 0, answer.stderr
    assert "too_blurred" in answer.stdout


def test_its_parameters_are_checked(project: Path) -> None:
    recipe = project / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("at_least: 30", "at_most: 30"))
    answer = interloom(project, "validate", "recipe.yaml")
    assert "mine.too_blurred has no parameter 'at_most'; did you mean 'at_least'?" in answer.stderr


def test_every_command_of_the_table_exists() -> None:
    named = set(re.findall(r"^\| `interloom (\w+)", README, re.MULTILINE))
    shown = interloom(ROOT, "--help").stdout
    assert {name for name in named if f"  {name} " not in shown} == set()


def test_the_recipe_has_no_problem_but_what_is_not_at_hand(tmp_path: Path) -> None:
    (tmp_path / "web.yaml").write_text(block("yaml", "name: web"))
    problems = interloom(tmp_path, "validate", "web.yaml").stderr.splitlines()
    assert [line for line in problems if not re.search(r"credentials|not in the cache|needs open_clip", line)] == []


@pytest.mark.slow
def test_the_table_is_what_the_demo_prints(tmp_path: Path) -> None:
    answer = interloom(tmp_path, "demo", "--runner", "local")
    assert answer.returncode == 0, answer.stderr
    printed = [" ".join(line.split()) for line in answer.stdout.splitlines()]
    rows = [" ".join(line.split()) for line in block("", "step ").splitlines()]
    assert len(rows) > 10
    assert [row for row in rows if not any(line.startswith(row) for line in printed)] == []


@pytest.mark.slow
def test_why_answers_as_shown(tmp_path: Path) -> None:
    interloom(tmp_path, "demo", "--runner", "local")
    command, *expected = block("", "$ interloom why").splitlines()
    answer = interloom(tmp_path, *command.split()[2:])
    assert set(expected) <= set(answer.stdout.splitlines())
