"""Checks that steps which read stored embeddings and clusterings find those of one model, and of one clustering of a name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from interloom.pipeline.contents import Content, Need
from interloom.pipeline.errors import did_you_mean
from interloom.pipeline.planning.graph import Graph
from interloom.pipeline.planning.recipe import Problems
from interloom.pipeline.stage import Step
from interloom.schemas.recipe import Recipe

_KINDS = ("embeddings", "clustering")


@dataclass(frozen=True, slots=True)
class _Stored:
    """Embeddings or a clustering, the number of the step that stores them, and of the one that put other texts in their place."""

    content: Content
    by: int
    outdated_by: int | None = None


@dataclass(frozen=True, slots=True)
class _Reader:
    """A step, and what steps above it have stored."""

    number: int
    use: str
    above: Sequence[_Stored]

    def makers(self, need: Content) -> list[_Stored]:
        """Who stores what is needed, of any model."""
        return [stored for stored in self.above if stored.content == need]


def check_vectors(recipe: Recipe, steps: Sequence[Step | None], connected: Graph, problems: Problems) -> None:
    """Finds steps whose needs are met by several models or by several clusterings of a name, whose model nobody above has, or
    whose texts were replaced after they were embedded. Nothing is found below a step that is not known (None)."""
    uses = [line.use for line in recipe.steps]
    for n, above in enumerate(_stored_above(steps, connected)):
        step = steps[n]
        if step is None or above is None:
            continue
        reader = _Reader(n, uses[n], above)
        needs = [content for need in step.needs() for content in _alternatives(need)]
        mistakes = [*_clustering_problems(reader, step, needs, uses), *_embedding_problems(reader, needs, uses)]
        for parameter, message in mistakes:
            problems.add(("steps", n, "with", parameter) if parameter else ("steps", n), f"{uses[n]}{message}")


def _alternatives(need: Need) -> tuple[Content, ...]:
    return need if isinstance(need, tuple) else (need,)


def _stored_above(steps: Sequence[Step | None], connected: Graph) -> list[Sequence[_Stored] | None]:
    """For each step what the steps above it store; None below a step that may store anything."""
    after: dict[str, frozenset[_Stored] | None] = {}
    above: dict[str, frozenset[_Stored] | None] = {}
    while len(after) < len(connected.nodes):
        for n, node in enumerate(connected.nodes):
            if node.key in after or not after.keys() >= {*node.inputs}:
                continue
            inputs = [after[name] for name in node.inputs]
            known = [some for some in inputs if some is not None]
            above[node.key] = frozenset[_Stored]().union(*known) if len(known) == len(inputs) else None
            after[node.key] = _after(n, steps[n], above[node.key])
    in_order = (above[node.key] for node in connected.nodes)
    return [None if some is None else sorted(some, key=lambda stored: (stored.by, stored.content.name)) for some in in_order]


def _after(n: int, step: Step | None, above: frozenset[_Stored] | None) -> frozenset[_Stored] | None:
    """What is stored after the step."""
    provides = None if step is None else step.provides()
    if step is None or provides is None or above is None:
        return None
    outdated = {*step.outdates()}
    kept = (
        _Stored(stored.content, stored.by, n) if outdated & {stored.content.of, _kind_of(stored)} else stored for stored in above
    )
    return frozenset((*kept, *(_Stored(content, n) for content in provides if content.kind in _KINDS)))


def _kind_of(stored: _Stored) -> str:
    return stored.content.name if stored.content.kind == "embeddings" else ""


def _clustering_problems(reader: _Reader, step: Step, needs: Sequence[Content], uses: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The parameter at fault ("": none), and the message."""
    for content in step.provides() or ():
        for earlier in reader.makers(content) if content.kind == "clustering" else ():
            yield "name", f": {uses[earlier.by]} above makes a clustering '{content.name}', too; give this one another `name`"
    for need in (need for need in needs if need.kind == "clustering"):
        makers = reader.makers(need)
        if outdated := next((maker for maker in makers if maker.outdated_by is not None), None):
            yield "", _outdated(f"the clustering '{need.name}'", outdated, uses)
        elif len({maker.by for maker in makers}) > 1:
            yield "", f" reads the clustering '{need.name}', and several steps above make one of that name; name them apart"


def _embedding_problems(reader: _Reader, needs: Sequence[Content], uses: Sequence[str]) -> Iterator[tuple[str, str]]:
    wanted = [need for need in needs if need.kind == "embeddings"]
    makers = {need.name: reader.makers(need) for need in wanted}
    model = next((need.model for need in wanted), "")
    if not all(makers.values()) or any(not maker.content.model for some in makers.values() for maker in some):
        return
    for kind, some in makers.items():
        if model and model not in (names := sorted({maker.content.model for maker in some})):
            there = f"there are those of {', '.join(names)}{did_you_mean(model, names)}"
            yield "model", f" needs embeddings of kind '{kind}' of the model {model}, which no step above stores; {there}"
            return
    of_model = {kind: [maker for maker in some if model in ("", maker.content.model)] for kind, some in makers.items()}
    if message := _several_models(of_model):
        yield "model", message
    for kind, some in of_model.items():
        if all(maker.outdated_by is not None for maker in some):
            yield "", _outdated(f"embeddings of kind '{kind}'", some[0], uses)


def _outdated(what: str, stored: _Stored, uses: Sequence[str]) -> str:
    assert stored.outdated_by is not None
    replaced = f"{uses[stored.outdated_by]} puts other texts in place of theirs"
    return f" needs {what}, which {uses[stored.by]} stores, but then {replaced}; move it above or that one below"


def _several_models(makers: Mapping[str, Sequence[_Stored]]) -> str:
    """What is wrong if these are not all of one model in one version."""
    models = {kind: {maker.content.model for maker in some} for kind, some in makers.items()}
    kinds = " and ".join(f"'{kind}'" for kind in models)
    for kind, other in combinations(models, 2):
        if not models[kind] & models[other]:
            names = " and ".join(", ".join(sorted(models[each])) for each in (kind, other))
            return f" compares embeddings of kind {kinds}, which must be of one model; above they are of {names}"
    names_of_all = sorted(set().union(*models.values()))
    if len(names_of_all) > 1:
        return f": embeddings of kind {kinds} are stored above of several models ({', '.join(names_of_all)}); name one as `model`"
    versions = sorted({maker.content.version for some in makers.values() for maker in some})
    if len(versions) > 1:
        return f": embeddings of kind {kinds} of {names_of_all[0]} are stored above in several versions ({', '.join(versions)})"
    return ""
