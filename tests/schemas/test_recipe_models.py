"""Which recipes the models accept, and where they report an error."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from interloom.schemas.recipe import Recipe


def head(**changes: Any) -> dict[str, Any]:
    return {"name": "web", "run": "runs/web", "steps": [{"use": "stages.read_warc"}], **changes}


def step(**changes: Any) -> dict[str, Any]:
    return head(steps=[{"use": "stages.read_warc", **changes}])


def test_a_line_needs_nothing_but_use() -> None:
    [line] = Recipe.model_validate(head()).steps
    assert (line.with_, line.id, line.from_, line.checkpoint, line.resources.cpus) == ({}, None, None, None, 1.0)


def test_the_yaml_keys_with_and_from_are_read() -> None:
    [line] = Recipe.model_validate(step(**{"with": {"a": 1}, "from": ["x", "y"]})).steps
    assert (line.with_, line.from_) == ({"a": 1}, ["x", "y"])


def test_two_recipes_do_not_share_their_defaults() -> None:
    first, second = (Recipe.model_validate(head()).steps[0].with_ for _ in range(2))
    assert first is not second


@pytest.mark.parametrize(
    ("values", "location"),
    [
        (head(sed=1), ("sed",)),
        (step(wiht={}), ("steps", 0, "wiht")),
        (step(resources={"gpu": 1}), ("steps", 0, "resources", "gpu")),
        (step(resources={"gpus": -1}), ("steps", 0, "resources", "gpus")),
        (step(resources={"cpus": 0}), ("steps", 0, "resources", "cpus")),
        (step(resources={"cpus": 0.00001}), ("steps", 0, "resources", "cpus")),
        (step(resources={"gpus": 0.00001}), ("steps", 0, "resources", "gpus")),
        (step(resources={"gpus": 1.5}), ("steps", 0, "resources", "gpus")),
        (step(resources={"gpus": float("inf")}), ("steps", 0, "resources", "gpus")),
        (step(resources={"workers": 0}), ("steps", 0, "resources", "workers")),
        (step(id="two words"), ("steps", 0, "id")),
        (head(name="a/b"), ("name",)),
        (head(run=""), ("run",)),
        (head(steps=[]), ("steps",)),
        (head(max_error_rate=1.5), ("max_error_rate",)),
        ({"name": "web", "steps": [{"use": "x"}]}, ("run",)),
    ],
)
def test_an_error_is_reported_at_its_location(values: dict[str, Any], location: tuple[str | int, ...]) -> None:
    with pytest.raises(ValidationError) as raised:
        Recipe.model_validate(values)
    assert [error["loc"] for error in raised.value.errors()] == [location]
