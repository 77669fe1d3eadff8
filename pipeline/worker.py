"""One batch through one step: errors, time, and the books. The only engine; runners merely decide where it runs.

A batch that fails is run again document by document, and a document whose step works on single elements, element by
element: exactly the culprit is quarantined. Every document and image that went in must come out, be dropped or be
quarantined; a step that loses one stops the run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from pipeline.books import Book
from pipeline.cell import Cell, CellDiedError
from pipeline.errors import DocumentError, FatalError, InterloomError
from pipeline.plan import PlannedStep
from schemas.document import Document, Image, Text
from schemas.outcome import Dropped, Outcome, Quarantined, Side

Process = Callable[[Sequence[Document]], Iterable[Outcome]]
_LONGEST_ERROR = 500


@dataclass(slots=True)
class Record:
    """What a unit says besides its documents: books by step, decisions, rows set aside."""

    books: dict[str, Book] = field(default_factory=dict)
    decisions: list[dict[str, Any]] = field(default_factory=list)
    sides: dict[str, list[Mapping[str, object]]] = field(default_factory=dict)

    def book(self, step: PlannedStep) -> Book:
        return self.books.setdefault(step.key, Book())


def attempt(process: Process, docs: Sequence[Document]) -> list[Outcome] | str:
    """The outcomes, or in words what went wrong with a document. The one broad `except`: any plug-in may raise anything."""
    try:
        return list(process(docs))
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
    words = " ".join(str(error).split())[:_LONGEST_ERROR]
    return words if isinstance(error, DocumentError) else f"{type(error).__name__}: {words}" if words else type(error).__name__


_cells: dict[str, Cell] = {}


def process_of(step: PlannedStep, parameters: str) -> Process:
    """The step's own `process`, or the same in a child process if the step is isolated."""
    limits = step.attributes.isolated
    if limits is None:
        process: Process = step.build().process
        return process
    cell = _cells.setdefault(step.use + parameters, Cell(step.use, parameters, limits))
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
            record.decisions.append(_row(step, outcome))
            _enter(record.book(step), outcome, sources.get(outcome.id))
            lost.setdefault(outcome.id, set()).update(() if outcome.position is None else (outcome.position,))
            ended |= {outcome.id} if outcome.position is None else set()
    _close(step, docs, kept, (ended, lost), record.book(step))
    return kept


def _row(step: PlannedStep, outcome: Dropped | Quarantined) -> dict[str, Any]:
    row: dict[str, Any] = {"id": outcome.id, "position": outcome.position, "url": outcome.url, "step": step.key, "use": step.use}
    if isinstance(outcome, Quarantined):
        return {**row, "error": outcome.error}
    drop = outcome.drop
    return {**row, "reason": drop.reason, "value": drop.value, "threshold": drop.threshold, "kept": outcome.kept or None}


def _enter(book: Book, outcome: Dropped | Quarantined, doc: Document | None) -> None:
    """Counts a decision for documents, images or texts."""
    if outcome.position is None:
        account = book.documents
    elif doc is not None and any(e.position == outcome.position and isinstance(e, Text) for e in doc.elements):
        reason = outcome.drop.reason if isinstance(outcome, Dropped) else "quarantined"
        book.texts_dropped[reason] = book.texts_dropped.get(reason, 0) + 1
        return
    else:
        account = book.images
    if isinstance(outcome, Dropped):
        account.drop(outcome.drop.reason)
    else:
        account.quarantined += 1


def _close(
    step: PlannedStep,
    docs: Sequence[Document],
    kept: Sequence[Document],
    gone: tuple[set[str], Mapping[str, set[int]]],
    book: Book,
) -> None:
    """Completes the accounts and refuses a step that lost or doubled something."""
    ended, lost = gone
    came = {doc.id for doc in kept} | {doc.id.partition("#")[0] for doc in kept} | {doc.id.rpartition("#")[0] for doc in kept}
    vanished = [doc.id for doc in docs if doc.id not in came and doc.id not in ended]
    doubled = [doc.id for doc in docs if doc.id in ended and doc.id in came]
    if vanished or doubled:
        what = "lost" if vanished else "both dropped and kept"
        raise FatalError(f"{step.use} {what} {len(vanished or doubled)} documents, the first {(vanished or doubled)[0]}")
    known = {doc.id for doc in docs}
    book.documents.into += len(docs)
    book.documents.out += len(kept)
    book.documents.born += len(kept) + len(ended) - len(docs) if step.shape != "source" else 0
    after = {doc.id: doc for doc in kept}
    for doc in docs:
        _close_images(step, doc, after.get(doc.id), lost.get(doc.id, set()), (book, doc.id in ended))
    for doc in kept:
        if doc.id not in known:
            book.images.born += len(doc.images)
            book.images.out += len(doc.images)


def _close_images(step: PlannedStep, doc: Document, after: Document | None, lost: set[int], entry: tuple[Book, bool]) -> None:
    book, ended = entry
    images = book.images
    before = {image.position for image in doc.images}
    images.into += len(before)
    decided = lost & before
    if ended or after is None:  # gone as a whole, or replaced by its children
        images.left += len(before - decided)
        return
    left = {image.position for image in after.images}
    if before - left != decided:
        position = min((before - left) ^ decided)
        raise FatalError(f"{step.use} lost image {position} of document {doc.id} without a reason, or kept a dropped one")
    images.born += len(left - before)
    images.out += len(left)


def applied(step: PlannedStep, verdicts: Mapping[str, list[dict[str, Any]]]) -> Process:
    """A global step's `apply` with its verdicts, in the shape of `process`."""
    return partial(_apply, step.build().apply, verdicts)


def _apply(apply: Callable[..., Iterable[Outcome]], verdicts: Mapping[str, Any], docs: Sequence[Document]) -> Iterable[Outcome]:
    return apply(docs, verdicts)


def read_source(step: PlannedStep, outcomes: Iterable[Outcome], record: Record) -> Iterator[Document]:
    """Documents of a source as they come; each record it names is entered as in, and as out, dropped or quarantined."""
    book = record.book(step)
    for outcome in outcomes:
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
            record.decisions.append(_row(step, outcome))
            _enter(book, outcome, None)
