"""One batch through one step: errors, time, and the books. The only engine; runners merely decide where it runs.

A batch that fails is run again document by document, and a document whose step works on single elements, element by
element: exactly the culprit is quarantined. Every document and image that went in must come out, be dropped or be
quarantined; a step that loses one stops the run.
"""

from __future__ import annotations

import atexit
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from interloom.pipeline.errors import DocumentError, InterloomError, UnitError, in_a_line
from interloom.pipeline.execution.books import Book
from interloom.pipeline.execution.conservation import close
from interloom.pipeline.execution.sandbox import Cell, CellDiedError
from interloom.pipeline.planning.plan import PlannedStep
from interloom.schemas.document import Clip, Document, Image, Text
from interloom.schemas.outcome import Dropped, Outcome, Quarantined, Side

T = TypeVar("T")
Process = Callable[[Sequence[Document]], Iterable[Outcome]]
_OUTCOMES_AT_ONCE = 16


@dataclass(slots=True)
class Record:
    """What a unit says besides its documents: books by step, decisions, rows set aside."""

    books: dict[str, Book] = field(default_factory=dict)
    decisions: list[dict[str, Any]] = field(default_factory=list)
    sides: dict[str, list[Mapping[str, object]]] = field(default_factory=dict)

    def book(self, step: PlannedStep) -> Book:
        return self.books.setdefault(step.key, Book())


def attempt(process: Process, docs: Sequence[Document]) -> list[Outcome] | str:
    """The outcomes, or in words what went wrong with a document."""
    return tried(lambda: list(process(docs)))


def tried(call: Callable[[], T]) -> T | str:
    """What the call returns, or in words what a plug-in raised in it; our own errors that stop more than a document go
    through. The one broad `except`: any plug-in may raise anything."""
    try:
        return call()
    except CellDiedError as error:
        return str(error)
    except DocumentError as error:
        return described(error)
    except InterloomError:
        raise
    except Exception as error:
        return described(error)


def described(error: BaseException) -> str:
    """An error in one line."""
    words = in_a_line(error)
    return words if isinstance(error, DocumentError) else f"{type(error).__name__}: {words}" if words else type(error).__name__


_cells: dict[str, Cell] = {}


@atexit.register
def _close_cells() -> None:
    for cell in _cells.values():
        cell.close()


def process_of(step: PlannedStep, parameters: str) -> Process:
    """The step's own `process`, or the same in a child process if the step is isolated."""
    limits = step.attributes.isolated
    if limits is None:
        process: Process = step.build().process
        return process
    cell = _cells.setdefault(step.use + step.version + parameters, Cell(step.use, parameters, limits))
    return lambda docs: (outcome for doc in docs for outcome in cell.ask(doc))


def run_step(step: PlannedStep, process: Process, docs: Sequence[Document], record: Record) -> list[Document]:
    """The documents that go on; everything else is in the record."""
    if not docs:
        record.book(step)
        return []
    started = time.perf_counter()
    isolated = step.attributes.isolated is not None
    outcomes = attempt(process, docs) if not isolated else "isolated"
    if isinstance(outcomes, str):
        outcomes = [one for doc in docs for one in _alone(step, process, doc)]
    kept = settle(step, docs, outcomes, record)
    record.book(step).seconds += time.perf_counter() - started
    return kept


def _alone(step: PlannedStep, process: Process, doc: Document) -> list[Outcome]:
    """One document by itself; if it fails and the step works on elements, each element by itself."""
    outcomes = attempt(process, [doc])
    if not isinstance(outcomes, str):
        return outcomes
    kind = {"image": Image, "text": Text}.get(step.build().level)
    if kind is None or not any(isinstance(e, kind) for e in doc.elements):
        return [Quarantined(doc.id, outcomes, url=doc.source.url)]
    return list(_element_by_element(process, doc, kind))


def _element_by_element(process: Process, doc: Document, kind: type[Image] | type[Text]) -> Iterator[Outcome]:
    changed: dict[int, Any] = {}
    gone: list[int] = []
    for element in doc.elements:
        if not isinstance(element, kind):
            continue
        outcomes = attempt(process, [doc.with_elements([element])])
        if isinstance(outcomes, str):
            yield Quarantined(doc.id, outcomes, element.position, getattr(element, "url", ""))
            gone.append(element.position)
            continue
        left = [e for one in outcomes if isinstance(one, Document) for e in one.elements]
        changed |= {e.position: e for e in left}
        gone += [element.position] if not left else []
        yield from (one for one in outcomes if not isinstance(one, Document))
    yield doc.with_elements(changed.get(e.position, e) for e in doc.elements).without(gone)


def settle(step: PlannedStep, docs: Sequence[Document], outcomes: Iterable[Outcome], record: Record) -> list[Document]:
    """Sorts outcomes into documents that go on and entries in the record; checks that nothing vanished."""
    kept: list[Document] = []
    ended: set[str] = set()
    lost: dict[str, set[int]] = {}
    sources = {doc.id: doc for doc in docs}
    for outcome in outcomes:
        if isinstance(outcome, Document):
            kept.append(outcome)
        elif isinstance(outcome, Side):
            record.sides.setdefault(outcome.table, []).append(outcome.row)
        else:
            record.decisions.append(decision(step, outcome))
            _enter(record.book(step), outcome, sources.get(outcome.id))
            lost.setdefault(outcome.id, set()).update(() if outcome.position is None else (outcome.position,))
            ended |= {outcome.id} if outcome.position is None else set()
    close(step, docs, kept, (ended, lost), record.book(step))
    return kept


def decision(step: PlannedStep, outcome: Dropped | Quarantined) -> dict[str, Any]:
    """A row of `schemas.table.DECISIONS`."""
    row: dict[str, Any] = {"id": outcome.id, "position": outcome.position, "url": outcome.url, "step": step.key, "use": step.use}
    if isinstance(outcome, Quarantined):
        return {**row, "error": outcome.error}
    drop = outcome.drop
    return {**row, "reason": drop.reason, "value": drop.value, "threshold": drop.threshold, "kept": outcome.kept or None}


def _enter(book: Book, outcome: Dropped | Quarantined, doc: Document | None) -> None:
    """Counts a decision for documents or images; those about texts and clips, which are not conserved, beside them."""
    there = next((e for e in doc.elements if e.position == outcome.position), None) if doc is not None else None
    if isinstance(there, Text | Clip):
        reason = outcome.drop.reason if isinstance(outcome, Dropped) else "quarantined"
        reason = reason if isinstance(there, Text) else f"clip {reason}"
        book.texts_dropped[reason] = book.texts_dropped.get(reason, 0) + 1
        return
    account = book.documents if outcome.position is None else book.images
    if isinstance(outcome, Dropped):
        account.drop(outcome.drop.reason)
    else:
        account.quarantined += 1


def applied(step: PlannedStep, verdicts: Mapping[str, list[dict[str, Any]]]) -> Process:
    """A global step's `apply` with its verdicts, in the shape of `process`."""
    return partial(_apply, step.build().apply, verdicts)


def _apply(apply: Callable[..., Iterable[Outcome]], verdicts: Mapping[str, Any], docs: Sequence[Document]) -> Iterable[Outcome]:
    return apply(docs, verdicts)


def read_source(step: PlannedStep, outcomes: Iterable[Outcome], record: Record) -> Iterator[Document]:
    """Documents of a source as they come; each record it names is entered as in, and as out, dropped or quarantined."""
    book = record.book(step)
    for outcome in _guarded(step, iter(outcomes), book):
        if isinstance(outcome, Side):
            record.sides.setdefault(outcome.table, []).append(outcome.row)
            continue
        book.documents.into += 1
        if isinstance(outcome, Document):
            book.documents.out += 1
            book.images.into += len(outcome.images)
            book.images.out += len(outcome.images)
            yield outcome
        else:
            record.decisions.append(decision(step, outcome))
            _enter(book, outcome, None)


def _guarded(step: PlannedStep, outcomes: Iterator[Outcome], book: Book) -> Iterator[Outcome]:
    """The outcomes; what a source raises by itself fails the unit, because the rest of its share stays unread."""
    while True:
        started = time.perf_counter()
        got = attempt(lambda docs: islice(outcomes, _OUTCOMES_AT_ONCE), ())
        book.seconds += time.perf_counter() - started
        if isinstance(got, str):
            raise UnitError(f"{step.use} stopped reading: {got}")
        if not got:
            return
        yield from got
