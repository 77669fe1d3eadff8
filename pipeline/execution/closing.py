"""Closes a batch: whatever a step was given came out, was dropped or quarantined, left with its document, or was replaced."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from interloom.pipeline.errors import FatalError
from interloom.pipeline.execution.balance import Book
from interloom.schemas.document import Document, Element, Image, Text


@dataclass(slots=True)
class Decided:
    """What a step decided about a batch: ids of documents that ended (dropped or quarantined), and positions of elements that
    were dropped or quarantined, by document id."""

    ended: set[str] = field(default_factory=set)
    elements: dict[str, set[int]] = field(default_factory=dict)


def close_batch(use: str, docs: Sequence[Document], kept: Sequence[Document], decided: Decided, book: Book) -> None:
    """Enters a batch into the step's book. Raises FatalError for a step that lost or doubled a document or an image."""
    _check_documents(use, docs, [doc.id for doc in kept], decided.ended)
    known = {doc.id for doc in docs}
    book.documents.into += len(docs)
    book.documents.out += len(kept)
    book.documents.born += len(kept) + len(decided.ended) - len(docs)
    after = {doc.id: doc for doc in kept}
    for doc in docs:
        _close_elements(use, doc, None if doc.id in decided.ended else after.get(doc.id), decided, book)
    for doc in kept:
        if doc.id not in known:
            book.count(doc.elements, "born", "out")
            book.images.born += len(decided.elements.get(doc.id, ()))


def _check_documents(use: str, docs: Sequence[Document], kept: Sequence[str], ended: set[str]) -> None:
    """Every document came out, ended, or has children; nothing came out twice, from nowhere, or after its end."""
    known = {doc.id for doc in docs}
    parents = {id_: id_ if id_ in known else _parent(id_, known) for id_ in {*kept, *ended}}
    accounted = set(parents.values())
    wrong = {
        "lost": [doc.id for doc in docs if doc.id not in accounted],
        "both dropped and kept": [id_ for id_ in kept if id_ in ended or parents[id_] in ended],
        "doubled": [id_ for id_, count in Counter(kept).items() if count > 1],
        "made of nothing": [id_ for id_, parent in parents.items() if not parent],
    }
    for what, ids in wrong.items():
        if ids:
            raise FatalError(f"{use}: {len(ids)} documents {what}, the first {min(ids)}")


def _parent(id_: str, known: set[str]) -> str:
    """The document of the batch that this one descends from: "a#1#0" -> "a#1", or "a", whichever is in the batch; else ""."""
    while "#" in id_:
        id_ = id_.rpartition("#")[0]
        if id_ in known:
            return id_
    return ""


def _close_elements(use: str, doc: Document, after: Document | None, decided: Decided, book: Book) -> None:
    """Enters the elements of a document. `after` is what came out of it; None if it ended, or if its children replace it."""
    gone = decided.elements.get(doc.id, set())
    if after is not None and after.elements is doc.elements and not gone:
        book.count(doc.elements, "into", "out")
        return
    before = {element.position: element for element in doc.elements}
    book.images.born += len(gone - before.keys())  # found and dropped by the same step
    book.count(doc.elements, "into")
    if after is None:
        book.count([element for element in doc.elements if element.position not in gone], "left")
        return
    book.count(after.elements, "out")
    book.count([element for element in after.elements if type(before.get(element.position)) is not type(element)], "born")
    _enter_vanished(use, doc, after, gone, book)


def _enter_vanished(use: str, doc: Document, after: Document, gone: Collection[int], book: Book) -> None:
    """Enters elements that did not come out, though no decision names them. Only texts and clips may vanish so: with what they
    describe, or where others stand in their place."""
    now = {element.position: element for element in after.elements}
    unsaid = [
        element for element in doc.elements if (type(now.get(element.position)) is type(element)) == (element.position in gone)
    ]
    has_others = bool(unsaid) and _has_others(doc, after)
    for element in unsaid:
        stayed = element.position in gone
        if not stayed and isinstance(element, Text) and element.of is not None and element.of not in now:
            book.texts.left += 1
        elif not stayed and not isinstance(element, Image) and (_is_blank(element) or has_others):
            book.of(element).replaced += 1
        else:
            name = f"{type(element).__name__.lower()} {element.position} of document {doc.id}"
            raise FatalError(f"{use} lost {name} without a reason, or kept it though it was dropped")


def _is_blank(element: Element) -> bool:
    return isinstance(element, Text) and not element.text.strip()


def _has_others(doc: Document, after: Document) -> bool:
    """Whether elements are new or changed."""
    before = {element.position: element for element in doc.elements}
    return any(before.get(element.position) != element for element in after.elements)
