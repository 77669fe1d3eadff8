"""Law L1 for one batch: what went into a step came out, was dropped or was quarantined, and nothing came of nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from interloom.pipeline.errors import FatalError
from interloom.pipeline.execution.books import Book
from interloom.pipeline.planning.plan import PlannedStep
from interloom.schemas.document import Document


def close(
    step: PlannedStep,
    docs: Sequence[Document],
    kept: Sequence[Document],
    gone: tuple[set[str], Mapping[str, set[int]]],
    book: Book,
) -> None:
    """Completes the accounts and refuses a step that lost or doubled something."""
    ended, lost = gone
    _check(step, docs, [doc.id for doc in kept], ended)
    known = {doc.id for doc in docs}
    book.documents.into += len(docs)
    book.documents.out += len(kept)
    book.documents.born += len(kept) + len(ended) - len(docs) if step.shape != "source" else 0
    after = {doc.id: doc for doc in kept}
    for doc in docs:
        _close_images(step, doc, after.get(doc.id), lost.get(doc.id, set()), (book, doc.id in ended))
    for doc in kept:
        if doc.id not in known:
            book.images.born += len(doc.images) + len(lost.get(doc.id, ()))
            book.images.out += len(doc.images)


def _check(step: PlannedStep, docs: Sequence[Document], kept: Sequence[str], ended: set[str]) -> None:
    """Every document came out, ended, or has children; nothing came out twice, of nothing, or after its end."""
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
            raise FatalError(f"{step.use}: {len(ids)} documents {what}, the first {min(ids)}")


def _parent(id_: str, known: set[str]) -> str:
    """The document of the batch that this one is a child (of a child) of; empty if there is none."""
    while "#" in id_:
        id_ = id_.rpartition("#")[0]
        if id_ in known:
            return id_
    return ""


def _close_images(step: PlannedStep, doc: Document, after: Document | None, lost: set[int], entry: tuple[Book, bool]) -> None:
    book, ended = entry
    images = book.images
    if after is doc and not lost:
        images.into += len(doc.images)
        images.out += len(doc.images)
        return
    before = {image.position for image in doc.images}
    images.into += len(before)
    decided = lost & before
    images.born += len(lost - {element.position for element in doc.elements})  # found and dropped in one go
    if ended or after is None:  # gone as a whole, or replaced by its children
        images.left += len(before - decided)
        return
    left = {image.position for image in after.images}
    if before - left != decided:
        position = min((before - left) ^ decided)
        raise FatalError(f"{step.use} lost image {position} of document {doc.id} without a reason, or kept a dropped one")
    images.born += len(left - before)
    images.out += len(left)
