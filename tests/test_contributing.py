"""The examples of CONTRIBUTING.md work when they are followed to the letter: their tests, the laws and the house rules pass."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]
COPIED = ("pipeline", "schemas", "stages", "filters", "jobs", "loader", "tests", "src", "benchmarks")
LAWS = "tests/test_every_plugin.py"
PAGE = (ROOT / "CONTRIBUTING.md").read_text()


def example_files() -> dict[str, str]:
    """The Python blocks of the page by the path in their first line."""
    return dict(re.findall(r"```python\n# (\S+)\n(.*?)```", PAGE, re.DOTALL))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the source tree with the examples in it."""
    for name in COPIED:
        shutil.copytree(ROOT / name, tmp_path / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for name, code in example_files().items():
        file = tmp_path / name
        file.write_text(f"{file.read_text()}\n\n{code}" if file.exists() else code)
    laws = tmp_path / LAWS
    text = laws.read_text()
    for mapping in ("EXAMPLES", "HOLDS"):
        [entry] = re.findall(rf"`{mapping}` gets (?:the number\s+of records, )?`(.*?)`", PAGE)
        text = re.sub(rf"({mapping}: Mapping\[.*\] = {{\n)", rf"\1    {entry},\n", text)
    laws.write_text(text)
    return tmp_path


def run(tree: Path, *command: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(tree / "src")}
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=tree, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_examples_pass_their_tests_the_laws_and_the_house_rules(tree: Path) -> None:
    names = [Path(name).stem for name in example_files() if name.startswith(("filters/", "stages/"))]
    tests = [name for name in example_files() if name.startswith("tests/") and name != LAWS]
    assert (len(names), len(tests)) == (5, 5)
    run(tree, "pytest", "-q", "-p", "no:cacheprovider", *tests)
    run(
        tree,
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-m",
        "not slow",
        LAWS,
        "tests/test_house_rules.py",
        "-k",
        " or ".join(names),
    )
    run(tree, "ruff", "check", "--no-cache", *example_files())
    run(tree, "ruff", "format", "--no-cache", "--check", *example_files())
