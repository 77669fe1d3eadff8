"""Which steps of a plan may change places, and which of them had better."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from interloom.pipeline.contents import PARTS, Content, Need
from interloom.pipeline.execution.balance import Book
from interloom.pipeline.filter import Filter
from interloom.pipeline.planning import plugins
from interloom.pipeline.planning.plan import Plan, PlannedStep
from interloom.pipeline.pricing.orders import Move, Part, moves
from interloom.pipeline.pricing.price import Price, StepPrice

COMMUTES = "commutes_with_filters"
"""An attribute of a global step's class: true if what it says of a document does not change when a filter drops others, but for
which copy is kept. So filters of documents may stand above or below it."""
_LEAST_SHARE = 0.01
"""A move that saves less of all seconds is not worth a line. Our choice."""
_LEAST_S = 60.0
"""A move that saves fewer seconds of CPUs and GPUs is not worth a line either. Our choice."""
_ENOUGH = 10
"""The share that a step lets through is not known from fewer documents of the sample. Our choice."""
_OURS = ("filters.", "stages.")
_IMAGES, _TEXTS = "image", "text"


def advise(plan: Plan, price: Price, books: Mapping[str, Book], keeps: Mapping[str, float] | None = None) -> list[Move]:
    """Moves of steps that would save seconds (of CPU and GPU), with what each saves after those before it. `books` are those of
    the sample, `keeps` the shares that the user knows."""
    steps = {step.key: step for step in price.steps}
    least_s = max(_LEAST_S, _LEAST_SHARE * sum(map(_seconds, price.steps)))
    known = {step.key for step in plan.steps if _is_known(step, steps[step.key])} | set(keeps or {})
    advice = []
    for chain in _chains(plan):
        named = {step.key: step for step in chain}
        parts = {key: _part(steps[key]) for key in named}

        def may_precede(
            below: str, above: str, named: Mapping[str, PlannedStep] = named, parts: Mapping[str, Part] = parts
        ) -> bool:
            if below not in known or not (above in known or _pays_anyway(parts[below], parts[above])):
                return False
            makes_children = books.get(above, Book()).documents.born or books.get(below, Book()).documents.born
            return not makes_children and commute(named[below], named[above])

        advice += moves(steps[chain[0].key].flow.into, list(parts.values()), may_precede, least_s)
    return advice


def _is_known(step: PlannedStep, price: StepPrice) -> bool:
    """Whether the sample tells which share of documents a step lets through. Of a global step it does not: a sample holds little
    of what belongs together."""
    return step.shape != "global" and price.flow.sampled >= _ENOUGH


def _pays_anyway(below: Part, above: Part) -> bool:
    """Whether a step had better stand above another one even if that one let nothing through."""
    return below.seconds < above.seconds * (1 - below.passes)


def _seconds(step: StepPrice) -> float:
    return step.amounts["cpu_s"] + (step.gpu_s or 0.0)


def _part(step: StepPrice) -> Part:
    return Part(step.key, _seconds(step) / step.flow.into if step.flow.into else 0.0, min(step.flow.passes, 1.0))


def _chains(plan: Plan) -> Iterator[list[PlannedStep]]:
    """Runs of steps between sources, sinks, branches and joins, in which each reads the one before and nothing else does."""
    chain: list[PlannedStep] = []
    for step in plan.steps:
        follows = chain and step.inputs == (chain[-1].key,) and len(plan.readers(chain[-1].key)) == 1
        if chain and not (follows and step.shape in ("stage", "global")):
            yield chain
            chain = []
        if step.shape in ("stage", "global"):
            chain.append(step)
    if chain:
        yield chain


def commute(below: PlannedStep, above: PlannedStep) -> bool:
    """Whether a step that drops documents and changes none may as well stand above another one: it needs nothing that the other
    one provides or takes away, and the other one does not compare documents in a way that depends on which there are."""
    if not only_drops(below) or not _says_what_it_needs(below):
        return False
    if above.shape == "global" and not _compares_copies(above):
        return False
    touched = _touched(above)
    return touched is not None and not any(_is_touched(need, touched) for need in below.build().needs())


def only_drops(step: PlannedStep) -> bool:
    """Whether a step is known to let documents through as they are, or not at all."""
    return _drops_documents(step) or _compares_copies(step)


def _drops_documents(step: PlannedStep) -> bool:
    is_filter = isinstance(plugins.find(step.use).what, Filter) or step.use.startswith("filters.")
    provided = step.build().provides()
    return is_filter and step.build().level == "document" and provided is not None and not list(provided)


def _says_what_it_needs(step: PlannedStep) -> bool:
    """Of a plug-in that is not ours and names no needs it is not known what it reads."""
    return step.use.startswith(_OURS) or bool(list(step.build().needs()))


def _compares_copies(step: PlannedStep) -> bool:
    return step.shape == "global" and bool(getattr(step.attributes, COMMUTES, False))


def _touched(step: PlannedStep) -> frozenset[Content | str] | None:
    """What documents have in another way after the step, with "image" or "text" for all that is about images or texts; None if
    the step does not say."""
    built = step.build()
    provided = built.provides()
    if provided is None:
        return None
    contents = frozenset(provided)
    kinds = {_about(content) for content in contents if content.kind == "part" or content.on == _TEXTS}
    kinds |= {_TEXTS} if list(built.outdates()) else set()
    return contents | kinds | ({built.level} if built.level != "document" else set())


def _is_touched(need: Need, touched: frozenset[Content | str]) -> bool:
    alternatives = need if isinstance(need, tuple) else (need,)
    return any(content in touched or _about(content) in touched for content in alternatives)


def _about(content: Content) -> str:
    """Whether something is about images, texts, or else about what its name says."""
    if content.on != "document":
        return content.on
    if content in PARTS and ("image" in content.name or content.name == "keyframes"):
        return _IMAGES
    return _TEXTS if content in PARTS and ("text" in content.name or content.name == "speech") else content.name
