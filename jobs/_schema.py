"""`schema`: the recipe's JSON Schema, for editors; each `use` brings the parameters of its file."""

from __future__ import annotations

import json
from typing import Any

from interloom.pipeline.planning import plugins
from interloom.schemas.recipe import Recipe


def text() -> str:
    """The schema as JSON with a newline at the end; `schemas/recipe.schema.json` holds the same."""
    return json.dumps(recipe_schema(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def recipe_schema() -> dict[str, Any]:
    """Recipe's own schema, with one rule per plug-in: if `use` is this, then `with` is that."""
    schema = Recipe.model_json_schema(by_alias=True)
    line = schema["$defs"]["StepLine"]
    line["allOf"] = []
    for use in plugins.available():
        plugin = plugins.find(use)
        parameters = plugin.model.model_json_schema()
        definitions = parameters.pop("$defs", {})
        schema["$defs"].update(definitions)
        parameters["description"] = plugin.summary
        rule = {"if": {"properties": {"use": {"const": use}}}, "then": {"properties": {"with": parameters}}}
        line["allOf"].append(rule)
    line["properties"]["use"]["examples"] = list(plugins.available())
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
