"""Finds names under `brings` that are probably misspelt: the first rows of the input have one that is similar."""

from __future__ import annotations

from interloom.pipeline.errors import did_you_mean
from interloom.pipeline.planning import plugins
from interloom.pipeline.planning.needs import brought
from interloom.pipeline.planning.recipe import Problems
from interloom.pipeline.stage import Source
from interloom.schemas.recipe import Recipe


def doubt_brought(recipe: Recipe, problems: Problems) -> None:
    """Adds a line for each name that a source does not provide itself, while it provides one that is spelt nearly so. It is no
    mistake for sure, because only the first rows are known."""
    for n, line in enumerate(recipe.steps):
        plugin = plugins.find(line.use)
        if not line.brings or not issubclass(plugin.kind, Source):
            continue
        values = plugin.model.model_validate(line.with_).model_dump(mode="json")
        provided = list(plugin.build(values).provides() or ())
        for content in brought(line.brings):
            alike = sorted({other.name for other in provided if (other.kind, other.on) == (content.kind, content.on)})
            near = did_you_mean(content.name, alike) if content.name not in alike else ""
            if near:
                told = f"`brings` names {content}, which the first rows of the input do not have{near}"
                problems.add(("steps", n, "brings"), told)
