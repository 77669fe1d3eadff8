"""The books of a step: what went in, came out, was dropped and why, was quarantined. They must balance (law L1)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from interloom.pipeline.errors import FatalError
from interloom.schemas.document import Document


@dataclass(slots=True)
class Account:
    """Counts of documents or of images: into + born = out + dropped + quarantined + left.

    `born` counts what the step made (children of a document, images found in a page), `left` the images that went away
    together with their document, `dropped` those dropped, by reason.
    """

    into: int = 0
    born: int = 0
    out: int = 0
    quarantined: int = 0
    left: int = 0
    dropped: dict[str, int] = field(default_factory=dict)

    def drop(self, reason: str) -> None:
        self.dropped[reason] = self.dropped.get(reason, 0) + 1

    @property
    def seen(self) -> int:
        """All that the step had to do with."""
        return self.into + self.born

    @property
    def missing(self) -> int:
        """How many are unaccounted for; 0 when the account balances."""
        return self.seen - self.out - self.quarantined - self.left - sum(self.dropped.values())

    def add(self, other: Account) -> None:
        self.into += other.into
        self.born += other.born
        self.out += other.out
        self.quarantined += other.quarantined
        self.left += other.left
        for reason, count in other.dropped.items():
            self.dropped[reason] = self.dropped.get(reason, 0) + count

    def to_json(self) -> dict[str, Any]:
        return {
            "into": self.into,
            "born": self.born,
            "out": self.out,
            "quarantined": self.quarantined,
            "left": self.left,
            "dropped": self.dropped,
        }


@dataclass(slots=True)
class Book:
    """One step's accounts, the texts and clips it dropped by reason, and its seconds of work."""

    documents: Account = field(default_factory=Account)
    images: Account = field(default_factory=Account)
    texts_dropped: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    def add(self, other: Book) -> None:
        self.documents.add(other.documents)
        self.images.add(other.images)
        for reason, count in other.texts_dropped.items():
            self.texts_dropped[reason] = self.texts_dropped.get(reason, 0) + count
        self.seconds += other.seconds

    def imbalance(self) -> str:
        """What does not balance, in words: "images: 2 unaccounted for"; empty when everything does."""
        accounts = (("documents", self.documents), ("images", self.images))
        return "; ".join(f"{name}: {account.missing} unaccounted for" for name, account in accounts if account.missing)

    def to_json(self) -> dict[str, Any]:
        return {
            "documents": self.documents.to_json(),
            "images": self.images.to_json(),
            "texts_dropped": self.texts_dropped,
            "seconds": self.seconds,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Book:
        documents, images = Account(**values["documents"]), Account(**values["images"])
        return cls(documents, images, dict(values["texts_dropped"]), values["seconds"])


Books = Mapping[str, Book]
"""Books by step key."""


def total(books: Iterable[Books]) -> dict[str, Book]:
    """The books of many units added up, by step key in the order first seen."""
    totals: dict[str, Book] = {}
    for unit in books:
        add(totals, unit)
    return totals


def add(totals: dict[str, Book], unit: Books) -> None:
    """Adds a unit's books to the totals."""
    for key, book in unit.items():
        totals.setdefault(key, Book()).add(book)


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
        _close_images(use, doc, after.get(doc.id), decided, book.images)
    for doc in kept:
        if doc.id not in known:
            book.images.born += len(doc.images) + len(decided.elements.get(doc.id, ()))
            book.images.out += len(doc.images)


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


def _close_images(use: str, doc: Document, after: Document | None, decided: Decided, images: Account) -> None:
    gone = decided.elements.get(doc.id, set())
    if after is doc and not gone:
        images.into += len(doc.images)
        images.out += len(doc.images)
        return
    before = {image.position for image in doc.images}
    images.into += len(before)
    images.born += len(gone - {element.position for element in doc.elements})  # found and dropped by the same step
    if doc.id in decided.ended or after is None:  # the document ended, or its children replace it
        images.left += len(before - gone)
        return
    left = {image.position for image in after.images}
    if before - left != gone & before:
        position = min((before - left) ^ (gone & before))
        raise FatalError(f"{use} lost image {position} of document {doc.id} without a reason, or kept a dropped one")
    images.born += len(left - before)
    images.out += len(left)
