"""`schema`: the JSON Schema of recipes, for editors, with the parameters of every plug-in."""

from __future__ import annotations

import json
from typing import Any

from interloom.pipeline.planning import plugins
from interloom.schemas.recipe import Recipe


def text() -> str:
    """The schema as JSON with a newline at the end, the same as in `schemas/recipe.schema.json`."""
    return json.dumps(recipe_schema(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def recipe_schema() -> dict[str, Any]:
    """The schema of the model `Recipe`, with one rule per plug-in: if `use` names the plug-in, `with` holds its parameters."""
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
