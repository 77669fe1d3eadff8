"""One batch through one step: errors, time, and the books. The only engine; runners merely decide where it runs.

A batch that fails is run again document by document, and a document whose step works on single elements, element by
element, so that exactly the culprit is quarantined. Every document and image that went in must come out, be dropped or be
quarantined; a step that loses one stops the run.
"""

from __future__ import annotations

import atexit
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from interloom.pipeline.errors import DocumentError, Failure, KilledError, guarded
from interloom.pipeline.execution.balance import Book
from interloom.pipeline.execution.closing import Decided, close_batch
from interloom.pipeline.execution.killed import VERDICT, Kills
from interloom.pipeline.execution.sandbox import Sandbox
from interloom.pipeline.execution.scores import new_scores
from interloom.pipeline.execution.used import UsedBySteps
from interloom.pipeline.planning.plan import PlannedStep
from interloom.pipeline.stage import GlobalStage, Stage
from interloom.pipeline.store.parts import SideFile
from interloom.pipeline.store.streamed_rows import NO_VERDICTS, Verdicts
from interloom.pipeline.store.tables import SideRows
from interloom.schemas.document import SOURCE_ID, Document, Image, Text, lineage
from interloom.schemas.outcome import Dropped, Killed, Outcome, Quarantined, Side
from interloom.schemas.rows import Score
from interloom.schemas.validity import problem_of

Process = Callable[[Sequence[Document]], Iterable[Outcome]]


@dataclass(slots=True)
class Record:
    """What a unit reports besides its documents: books by step, decisions, scores, rows for side tables, what steps used.
    `sides_above` are the files of side tables that phases above stored about its documents."""

    books: dict[str, Book] = field(default_factory=dict)
    decisions: list[dict[str, Any]] = field(default_factory=list)
    scores: list[Score] = field(default_factory=list)
    sides: dict[str, list[Mapping[str, object]]] = field(default_factory=dict)
    sides_above: tuple[SideFile, ...] = ()
    kills: Kills = field(default_factory=Kills)
    used: UsedBySteps = field(default_factory=dict)

    def book(self, step: PlannedStep) -> Book:
        return self.books.setdefault(step.key, Book())


def attempt(process: Process, docs: Sequence[Document]) -> list[Outcome] | Failure:
    """The outcomes for these documents, or why the step could not take one of them, or yielded what cannot be stored."""
    return guarded(lambda: _storable(list(process(docs)), {doc.id: doc for doc in docs}))


def _storable(outcomes: list[Outcome], docs: Mapping[str, Document]) -> list[Outcome]:
    """The outcomes. Raises DocumentError if one of them cannot be stored."""
    for outcome in outcomes:
        before = docs.get(outcome.id) if isinstance(outcome, Document) else None
        if (outcome is not before or outcome is None) and (wrong := problem_of(outcome, before)):
            raise DocumentError(f"what the step yields cannot be stored: {wrong}")
    return outcomes


_sandboxes: dict[str, Sandbox] = {}


@atexit.register
def _close_sandboxes() -> None:
    for sandbox in _sandboxes.values():
        sandbox.close()


def process_of(step: PlannedStep, verdicts: Verdicts = NO_VERDICTS, sides: SideRows | None = None) -> Process:
    """What the step does with documents: a global step's `apply` with its verdicts; the step's `process`, with the rows of the
    side tables that it reads; or the same in a child process if the step is isolated."""
    if step.shape == "global":
        return partial(_apply, step.build_as(GlobalStage).apply, verdicts)
    if step.attributes.side_tables:
        return partial(_process_with_sides, step.build_as(Stage), sides or SideRows())
    limits = step.attributes.isolated
    if limits is None:
        return step.build_as(Stage).process
    parameters = json.dumps(step.parameters, sort_keys=True)
    sandbox = _sandboxes.setdefault(step.use + step.version + parameters, Sandbox(step.use, parameters, limits))
    return lambda docs: (outcome for doc in docs for outcome in sandbox.process(doc))


def _apply(apply: Callable[..., Iterable[Outcome]], verdicts: Verdicts, docs: Sequence[Document]) -> Iterable[Outcome]:
    return apply(docs, verdicts)


def _process_with_sides(stage: Stage, sides: SideRows, docs: Sequence[Document]) -> Iterable[Outcome]:
    return stage.process_with(docs, {name: sides.about(name, docs) for name in stage.side_tables})


def run_step(step: PlannedStep, process: Process, docs: Sequence[Document], record: Record) -> list[Document]:
    """Runs a batch. Returns the documents that go on; everything else is entered in the record. Documents that are left to
    another worker are in `record.kills` only."""
    if not docs:
        record.book(step)
        return []
    started, left_before = time.perf_counter(), len(record.kills.left)
    together = _attempt_together(step, process, docs)
    outcomes = (
        together if isinstance(together, list) else [o for doc in docs for o in _document_alone(step, process, doc, record)]
    )
    outcomes = list(judged(outcomes, record.kills))
    left = {id_ for id_, _ in record.kills.left[left_before:]}
    kept = settle(step, [doc for doc in docs if doc.id not in left], outcomes, record)
    record.book(step).seconds += time.perf_counter() - started
    return kept


def _attempt_together(step: PlannedStep, process: Process, docs: Sequence[Document]) -> list[Outcome] | None:
    """The outcomes of a whole batch; None if it is to be run document by document."""
    if step.attributes.isolated is not None:
        return None  # a sandbox takes one at a time anyway
    try:
        outcomes = attempt(process, docs)
    except KilledError:
        return None
    return outcomes if isinstance(outcomes, list) else None


def judged(outcomes: Iterable[Outcome], kills: Kills) -> Iterator[Outcome]:
    """The outcomes, without documents that are left to another worker because their children were killed."""
    for outcome in outcomes:
        if not isinstance(outcome, Killed):
            if isinstance(outcome, Document):
                kills.went_well()
            yield outcome
        elif kills.blame(outcome.id, outcome.error):
            yield Quarantined(outcome.id, VERDICT, url=outcome.url, source_id=outcome.source_id)


def _attempt_alone(process: Process, doc: Document, record: Record) -> list[Outcome] | Failure:
    """As `attempt`. A document whose children are killed from outside fails if that happened on another worker, too; otherwise it
    is left to another worker and has no outcomes."""
    try:
        outcomes = attempt(process, [doc])
    except KilledError as error:
        return Failure(VERDICT) if record.kills.blame(doc.id, str(error)) else []
    record.kills.went_well()
    return outcomes


def _document_alone(step: PlannedStep, process: Process, doc: Document, record: Record) -> list[Outcome]:
    """One document by itself; if it fails and the step works on elements, each element by itself."""
    left_before = len(record.kills.left)
    outcomes = _attempt_alone(process, doc, record)
    if isinstance(outcomes, list):
        return outcomes
    kind = {"image": Image, "text": Text}.get(step.build().level)
    if kind is None or not any(isinstance(element, kind) for element in doc.elements):
        return [Quarantined(doc.id, outcomes.message, url=doc.source.url)]
    by_element = list(_element_by_element(process, doc, kind, record))
    return by_element if len(record.kills.left) == left_before else []


def _element_by_element(process: Process, doc: Document, kind: type[Image] | type[Text], record: Record) -> Iterator[Outcome]:
    changed: dict[int, Any] = {}
    gone: list[int] = []
    for element in doc.elements:
        if not isinstance(element, kind):
            continue
        outcomes = _attempt_alone(process, doc.with_elements([element]), record)
        if isinstance(outcomes, Failure):
            yield Quarantined(doc.id, outcomes.message, element.position, getattr(element, "url", ""))
            gone.append(element.position)
            continue
        left = [e for outcome in outcomes if isinstance(outcome, Document) for e in outcome.elements]
        changed |= {e.position: e for e in left}
        gone += [element.position] if not left else []
        yield from (outcome for outcome in outcomes if not isinstance(outcome, Document))
    yield doc.with_elements(changed.get(e.position, e) for e in doc.elements).without(gone)


def settle(step: PlannedStep, docs: Sequence[Document], outcomes: Iterable[Outcome], record: Record) -> list[Document]:
    """Sorts outcomes into documents that go on and entries in the record; checks that nothing vanished."""
    kept: list[Document] = []
    decided = Decided()
    sources = {doc.id: doc for doc in docs}
    for outcome in outcomes:
        if isinstance(outcome, Document):
            kept.append(outcome)
            record.scores += new_scores(step.key, outcome, sources.get(outcome.id))
        elif isinstance(outcome, Side):
            record.sides.setdefault(outcome.table, []).append(outcome.row)
        else:
            record.decisions.append(decision(step, outcome, _document_of(outcome.id, sources)))
            enter(record.book(step), outcome, sources.get(outcome.id))
            if outcome.position is None:
                decided.ended.add(outcome.id)
            else:
                decided.elements.setdefault(outcome.id, set()).add(outcome.position)
    close_batch(step.use, docs, kept, decided, record.book(step))
    return kept


def _document_of(id_: str, docs: Mapping[str, Document]) -> Document | None:
    """The document with this id, or else the one that it is a child of."""
    return next((docs[known] for known in lineage(id_) if known in docs), None)


def decision(step: PlannedStep, outcome: Dropped | Quarantined, doc: Document | None) -> dict[str, Any]:
    """A row of `schemas.columns.DECISIONS` about the document, as far as that is known."""
    url = outcome.url or (doc.source.url or doc.source.path if doc is not None and outcome.position is None else "")
    row: dict[str, Any] = {"id": outcome.id, "position": outcome.position, "url": url, "step": step.key, "use": step.use}
    row["source_id"] = doc.labels.get(SOURCE_ID) if doc is not None else None
    if isinstance(outcome, Quarantined):
        return {**row, "error": outcome.error, "source_id": outcome.source_id or row["source_id"]}
    drop = outcome.drop
    return {**row, "reason": drop.reason, "value": drop.value, "threshold": drop.threshold, "kept": outcome.kept or None}


def enter(book: Book, outcome: Dropped | Quarantined, doc: Document | None) -> None:
    """Counts a decision for documents, images, texts or clips."""
    element = next((e for e in doc.elements if e.position == outcome.position), None) if doc is not None else None
    account = book.documents if outcome.position is None else book.of(element)
    if isinstance(outcome, Dropped):
        account.drop(outcome.drop.reason)
    else:
        account.quarantined += 1
