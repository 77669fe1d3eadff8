"""The JSON Schema of recipes: the published file is up to date, and it allows what `interloom validate` allows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from interloom.jobs import _schema
from interloom.pipeline.planning import plugins

FILE = Path(__file__).parents[2] / "schemas" / "recipe.schema.json"


def rules() -> dict[str, Any]:
    lines = _schema.recipe_schema()["$defs"]["StepLine"]["allOf"]
    return {line["if"]["properties"]["use"]["const"]: line["then"]["properties"]["with"] for line in lines}


def test_the_published_file_is_what_the_command_prints() -> None:
    assert FILE.read_text() == _schema.text(), "schemas/recipe.schema.json is out of date; `make schema` regenerates it"


def test_every_plug_in_has_a_rule() -> None:
    assert list(rules()) == list(plugins.available())


@pytest.mark.parametrize("use", list(plugins.available()))
def test_a_rule_names_the_parameters_and_no_others(use: str) -> None:
    rule = rules()[use]
    assert set(rule.get("properties", {})) == set(plugins.find(use).model.model_fields)
    assert rule["additionalProperties"] is False


def test_types_are_defined_where_rules_refer_to_them() -> None:
    schema = _schema.recipe_schema()
    assert set(_references(schema)) <= {f"#/$defs/{name}" for name in schema["$defs"]}


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [reference for child in value.values() for reference in _references(child)]
    return [reference for child in value for reference in _references(child)] if isinstance(value, list) else []
