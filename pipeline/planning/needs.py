"""Checks that each step finds what it needs: some step above it provides it, or a line says that the input brings it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from interloom.pipeline.contents import IMAGES, PAGE, TEXT, VIDEO, Content, Need, labels, scores
from interloom.pipeline.errors import did_you_mean
from interloom.pipeline.planning.graph import Graph
from interloom.pipeline.planning.plugins import Plugin
from interloom.pipeline.planning.recipe import Problems
from interloom.pipeline.planning.recipe_text import UNSET
from interloom.pipeline.planning.vectors import check_vectors
from interloom.pipeline.planning.yaml_marks import Path
from interloom.pipeline.stage import Step
from interloom.schemas.recipe import Brings, Recipe

_BRINGS = {"document": "scores", "image": "image_scores", "text": "text_scores"}
"""The key under `brings` for scores of documents, images and texts."""
_Contents = frozenset[Content] | None
"""What documents hold, None if nobody knows, because a step above does not say what it provides."""


@dataclass(frozen=True, slots=True)
class _Written:
    """A step as built for the check: its parameters as written, and what it provides."""

    step: Step
    given: Mapping[str, Any]
    provides: _Contents


def check_needs(
    recipe: Recipe,
    plugins: Sequence[Plugin | None],
    parameters: Sequence[Mapping[str, Any] | None],
    connected: Graph,
    problems: Problems,
) -> None:
    """Finds steps that need what no step above them provides. A step that does not say what it provides may provide anything, so
    nothing below it is found to be missing. It must be known in `connected` what each step reads;
    of a step without `parameters` only that a filter
    provides nothing."""
    _check_brings(recipe, plugins, problems)
    written = [
        _written(plugin, values, line.with_, line.brings)
        for plugin, values, line in zip(plugins, parameters, recipe.steps, strict=True)
    ]
    provided = [step.provides if step else _always(plugin) for step, plugin in zip(written, plugins, strict=True)]
    above, after = _above(connected, provided)
    branches = _Branches(connected, dict(zip(above, provided, strict=True)), after)
    everywhere = {content for step in written if step for content in step.provides or ()}
    for n, (step, (key, known)) in enumerate(zip(written, above.items(), strict=True)):
        if step is None or known is None:
            continue
        for need in step.step.needs():
            place: Path = ("steps", n, *_parameter(need, step.given))
            if not _is_met(need, known):
                problems.add(place, f"{recipe.steps[n].use} needs {_named(need)}, {_absence(need, known, everywhere)}")
            elif lacking := list(dict.fromkeys(branches.without(need, key))):
                way_out = "give it to them, too, or put this step above the place where the branches meet"
                told = f"which the documents that come from {' and '.join(lacking)} do not have: it would drop them all"
                problems.add(place, f"{recipe.steps[n].use} needs {_named(need)}, {told}; {way_out}")
    check_vectors(recipe, [None if step is None else step.step for step in written], connected, problems)


def _always(plugin: Plugin | None) -> _Contents:
    """What a step provides whatever its parameters: a filter nothing."""
    return frozenset() if plugin and not isinstance(plugin.what, type) else None


def _check_brings(recipe: Recipe, plugins: Sequence[Plugin | None], problems: Problems) -> None:
    for n, (plugin, line) in enumerate(zip(plugins, recipe.steps, strict=True)):
        if line.brings and plugin and plugin.shape != "source" and _says(plugin):
            problems.add(("steps", n, "brings"), f"{line.use} says itself what it provides; `brings` is for sources")


def _says(plugin: Plugin) -> bool:
    """Whether the plug-in says what it provides: a filter does, which provides nothing."""
    return not isinstance(plugin.what, type) or plugin.what.provides is not Step.provides


def _written(
    plugin: Plugin | None, values: Mapping[str, Any] | None, given: Mapping[str, Any], brings: Brings | None
) -> _Written | None:
    if plugin is None or values is None or UNSET.search(json.dumps(values)):
        return None
    step = plugin.build(values)
    own = step.provides()
    known = None if own is None and brings is None else frozenset((*(own or ()), *brought(brings)))
    return _Written(step, given, known)


def brought(brings: Brings | None) -> tuple[Content, ...]:
    """What a line says that its input has."""
    if brings is None:
        return ()
    named = (*scores("document", *brings.scores), *scores("image", *brings.image_scores), *scores("text", *brings.text_scores))
    return (*named, *labels(*brings.labels))


@dataclass(frozen=True, slots=True)
class _Branches:
    """What the steps provide and what documents may hold after each, by key."""

    connected: Graph
    provides: Mapping[str, _Contents]
    after: Mapping[str, _Contents]

    def without(self, need: Need, key: str) -> Iterator[str]:
        """The branches that meet above a step without a score that it needs, if they have what the score is about."""
        if not all(content.kind == "score" for content in _alternatives(need)):
            return
        node = next(node for node in self.connected.nodes if node.key == key)
        for name in node.inputs:
            known, own = self.after[name], self.provides[name]
            if known is None or own is None or _is_met(need, own):
                continue
            if _is_met(need, known):
                yield from self.without(need, name)
            elif _SCORED[_alternatives(need)[0].on] & known:
                yield f"'{name}'"


_SCORED: Mapping[str, frozenset[Content]] = {
    "document": frozenset((TEXT, IMAGES, VIDEO, PAGE)),
    "image": frozenset((IMAGES,)),
    "text": frozenset((TEXT,)),
}
"""What documents have that have scores of documents, images or texts."""


def _above(connected: Graph, provides: Sequence[_Contents]) -> tuple[dict[str, _Contents], dict[str, _Contents]]:
    """For each step, by key, what the documents may hold that it reads: all that any step on a way to it provides; and what they
    may hold after it."""
    after: dict[str, _Contents] = {}
    above: dict[str, _Contents] = {}
    while len(after) < len(connected.nodes):
        for node, own in zip(connected.nodes, provides, strict=True):
            if node.key not in after and after.keys() >= {*node.inputs}:
                above[node.key] = _union([after[name] for name in node.inputs])
                after[node.key] = _union([above[node.key], own])
    return {node.key: above[node.key] for node in connected.nodes}, after


def _union(contents: Sequence[_Contents]) -> _Contents:
    known = [some for some in contents if some is not None]
    return frozenset[Content]().union(*known) if len(known) == len(contents) else None


def _alternatives(need: Need) -> tuple[Content, ...]:
    return need if isinstance(need, tuple) else (need,)


def _is_met(need: Need, known: frozenset[Content]) -> bool:
    return not known.isdisjoint(_alternatives(need))


def _named(need: Need) -> str:
    return " or ".join(map(str, _alternatives(need)))


def _parameter(need: Need, given: Mapping[str, Any]) -> tuple[str, ...]:
    """The path of the parameter that names what is needed, below its step; () if none does."""
    names = {content.name for content in _alternatives(need) if content.kind != "part"}
    return next((("with", key) for key, value in given.items() if isinstance(value, str) and value in names), ())


def _absence(need: Need, known: frozenset[Content], everywhere: set[Content]) -> str:
    """What to say of something that is not there: `which no step above provides; did you mean 'clip'?`"""
    lead = "which no step above provides"
    first = _alternatives(need)[0]
    if not everywhere.isdisjoint(_alternatives(need)):
        return f"{lead}; a step further down or on another branch does"
    if first.hint:
        return f"{lead}; {first.hint}"
    alike = [content for content in known if content.kind == first.kind]
    if levels := sorted(content.on for content in alike if content.name == first.name):
        return f"{lead}; {levels[0]}s have a score of that name"
    near = sorted({content.name for content in alike if content.on == first.on})
    return f"{lead}{did_you_mean(first.name, near) or _options(first, near)}"


def _options(content: Content, names: Sequence[str]) -> str:
    """What there is instead, and how to say that the input brings it."""
    there = f"; there is {', '.join(names)}" if names else "; there is none"
    if content.kind == "side table":
        return there
    key = "labels" if content.kind == "label" else _BRINGS[content.on]
    return f"{there}; if the input brings it, say so at its source: brings: {{{key}: [{content.name}]}}"
