"""Which scores a step gave to a document and its elements: rows of `schemas.columns.SCORE_ROWS`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from interloom.schemas.document import Document
from interloom.schemas.rows import Score

_NO_SCORES: Mapping[str, float] = {}


def new_scores(step: str, doc: Document, before: Document | None) -> Iterator[Score]:
    """The scores of the document that it did not have before the step, or had with another value; all, if it is new."""
    if doc is before:
        return
    yield from _changed(step, (doc.id, None), doc.scores, before.scores if before else _NO_SCORES)
    if before is not None and doc.elements is before.elements:
        return
    earlier = {element.position: element.scores for element in before.elements if element.scores} if before else {}
    for element in doc.elements:
        if element.scores:
            place = (doc.id, element.position)
            yield from _changed(step, place, element.scores, earlier.get(element.position, _NO_SCORES))


def _changed(
    step: str, place: tuple[str, int | None], scores: Mapping[str, float], before: Mapping[str, float]
) -> Iterator[Score]:
    if scores is not before:
        yield from ((*place, step, name, value) for name, value in scores.items() if before.get(name) != value)
