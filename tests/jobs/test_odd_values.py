"""Options and recipes with values that nobody means: each is refused, or read as it is meant, in a line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from interloom.jobs.__main__ import main


def invoke(*words: str) -> Result:
    return CliRunner().invoke(main, words)


@pytest.fixture
def recipe(tmp_path: Path) -> Any:
    """Writes a recipe that reads a text; returns its path."""
    (tmp_path / "texts.jsonl").write_text('{"text": "a text"}\n')

    def write(resources: Any = None, **head: Any) -> str:
        source = {"use": "stages.read_documents", "with": {"paths": str(tmp_path / "texts.jsonl")}}
        steps = [source | ({"resources": resources} if resources else {}), {"use": "stages.write_parquet"}]
        values = {"name": "web", "run": str(tmp_path / "run"), **head, "steps": steps}
        (tmp_path / "web.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
        return str(tmp_path / "web.yaml")

    return write


@pytest.mark.parametrize(
    ("command", "option"),
    [("run", "--wait-for-nodes-s"), ("run", "--wait-for-run-s"), ("status", "--every-s"), ("plan", "--cpus")],
)
def test_options_take_no_number_that_is_none_and_none_without_end(recipe: Any, command: str, option: str) -> None:
    for value, why in (("nan", "nan is no number."), ("inf", "inf is not in the range")):
        result = invoke(command, recipe(), option, value)
        assert (result.exit_code, why in result.stderr) == (2, True), result.stderr


@pytest.mark.parametrize("name", ["cpus", "gpus", "workers", "memory_bytes", "batch_size"])
def test_true_is_no_number_of_a_resource(recipe: Any, name: str) -> None:
    result = invoke("validate", recipe(resources={name: True}))
    problem = f"web.yaml:8:5: steps.0.resources.{name}: input should be another value than true or false, not True"
    assert (result.exit_code, result.stderr.rpartition("/")[2].strip()) == (2, problem)


def test_a_number_that_is_too_large_is_named(recipe: Any) -> None:
    result = invoke("validate", recipe(seed=10**20))
    assert result.exit_code == 2
    assert "seed: input should be less than or equal to 9223372036854775807" in result.stderr
    result = invoke("validate", recipe(), "--set", f"seed={'9' * 5000}")
    assert (result.exit_code, "seed: unable to parse" in result.stderr, result.stderr.count("\n")) == (2, True, 1)


def test_a_setting_that_is_no_yaml_says_why(recipe: Any) -> None:
    result = invoke("validate", recipe(), "--set", "steps.0.resources={cpus: 1")
    problem = "--set steps.0.resources={cpus: 1: not YAML: did not find expected ',' or '}'"
    assert (result.exit_code, result.stderr.strip()) == (2, problem)


def test_a_recipe_may_come_through_a_pipe(recipe: Any) -> None:
    words = [sys.executable, "-m", "interloom.jobs", "run", "/dev/stdin", "--runner", "local"]
    text = Path(recipe()).read_text()
    done = subprocess.run(words, input=text, text=True, capture_output=True, env=dict(os.environ), check=False)
    assert (done.returncode, "every document and image is accounted for" in done.stdout) == (0, True), done.stderr


def test_an_output_that_cannot_be_written_is_named(recipe: Any) -> None:
    with open("/dev/full", "w") as full:
        words = [sys.executable, "-m", "interloom.jobs", "plan", recipe()]
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "failed: standard output: No space left on device\n")


def test_a_run_is_not_quiet_and_wordy_at_once(recipe: Any) -> None:
    result = invoke("run", recipe(), "-q", "-v")
    assert (result.exit_code, result.stderr.count("give one of them")) == (2, 1)
