"""Asks each step for its own problems, and finds the parameter at which each stands in the recipe."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from interloom.pipeline.planning.plugins import Plugin
from interloom.pipeline.planning.recipe import Problems
from interloom.pipeline.planning.recipe_text import UNSET
from interloom.schemas.recipe import Recipe

_NAMES = re.compile(", | and | x ")
_QUOTED = re.compile(r"`(\w+)`")
_PATHLIKE = re.compile(r"[/.-]")


def check_steps(
    recipe: Recipe, plugins: Sequence[Plugin | None], parameters: Sequence[Mapping[str, Any] | None], problems: Problems
) -> None:
    """Asks each step itself: missing files, models, binaries, credentials."""
    for n, (plugin, values) in enumerate(zip(plugins, parameters, strict=True)):
        if plugin is not None and values is not None and not UNSET.search(json.dumps(values)):
            for problem in plugin.build(values).check():
                message = problem.removeprefix(recipe.steps[n].use + ": ")
                problems.add(("steps", n, *_at_fault(message, recipe.steps[n].with_)), f"{recipe.steps[n].use}: {message}")


def _at_fault(problem: str, given: Mapping[str, Any]) -> tuple[str, ...]:
    """The path, below the step, of the parameter that a problem names or whose value it quotes; () if there is none.

    "cap: must be at least 1", "min_s, max_s: no clip is 9 to 3 s long", "ViT-L-14 needs `pretrained`", "no file at /data/a.txt".
    """
    words = [word.strip(",;:'()") for word in problem.split()]
    named = [*_NAMES.split(problem.partition(": ")[0]), words[0], *_QUOTED.findall(problem)]
    quoted = [name for name, value in given.items() for string in _strings(value) if string in words and _PATHLIKE.search(string)]
    return next((("with", name) for name in (*named, *quoted) if name in given), ())


def _strings(value: Any) -> Sequence[str]:
    return [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str)]
