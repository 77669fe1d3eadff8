"""A name under `brings` that is spelt nearly as one of the input is told of, and is no mistake."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from interloom.jobs.__main__ import main


def notes(recipe: Callable[..., str], tmp_path: Path, brings: object) -> list[str]:
    """What `validate` says beside that there are no mistakes."""
    (tmp_path / "rows.jsonl").write_text('{"text": "one", "quality": 0.5, "topic": "sea"}\n')
    source = {"use": "stages.read_documents", "with": {"paths": str(tmp_path / "rows.jsonl")}, "brings": brings}
    answer = CliRunner().invoke(main, ["validate", recipe(source, "stages.write_parquet")])
    assert answer.exit_code == 0, answer.output
    return answer.output.splitlines()[1:]


@pytest.mark.parametrize(
    ("brings", "told"),
    [
        ({"scores": ["qualty"]}, ("the score 'qualty' of documents", "quality")),
        ({"labels": ["topics"]}, ("the label 'topics'", "topic")),
    ],
)
def test_a_name_that_is_nearly_one_of_the_input_is_told_of(
    recipe: Callable[..., str], tmp_path: Path, brings: object, told: tuple[str, str]
) -> None:
    name, near = told
    line = f"`brings` names {name}, which the first rows of the input do not have; did you mean '{near}'?"
    assert notes(recipe, tmp_path, brings) == [f"note: {tmp_path}/recipe.yaml:7:3: {line}"]


@pytest.mark.parametrize("brings", [{"scores": ["quality"]}, {"scores": ["beauty"]}, {"image_scores": ["qualty"]}, {}])
def test_other_names_are_taken_as_they_are(recipe: Callable[..., str], tmp_path: Path, brings: object) -> None:
    assert notes(recipe, tmp_path, brings) == []
