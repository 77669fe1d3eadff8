"""What a selection decides on, documents or their images or elements, and how its decisions are applied."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from interloom.schemas.document import DOCUMENT, Document, Element
from interloom.schemas.outcome import Drop, Dropped, Outcome

On = Literal["document", "image"]
Judge = Callable[[Document | Element, Mapping[str, Any] | None], tuple[Drop, str] | None]
"""(document or element, the verdict row about it if there is one) -> why it is dropped and what decided; None to keep it."""


def items_of(doc: Document, on: On | Literal["all"]) -> Iterator[tuple[int, Document | Element]]:
    """Yields what is decided on, with its position: the document, each of its images, or the document and all its elements."""
    if on != "image":
        yield DOCUMENT, doc
    if on != "document":
        yield from ((element.position, element) for element in (doc.images if on == "image" else doc.elements))


def applied(
    docs: Sequence[Document], verdicts: Mapping[str, list[dict[str, Any]]], on: On | Literal["all"], judge: Judge
) -> Iterator[Outcome]:
    """Yields each document without the elements that are dropped, and what is dropped. Positions of other elements stay.

    Parameters:
        docs: The documents.
        verdicts: The verdict rows by id of the document; each has the position of what it is about.
        on: What is decided on.
        judge: Decides.
    """
    for doc in docs:
        by_position = {verdict["position"]: verdict for verdict in verdicts.get(doc.id, [])}
        judged = {position: judge(item, by_position.get(position)) for position, item in items_of(doc, on)}
        dropped = {position: why for position, why in judged.items() if why is not None}
        if DOCUMENT in dropped:
            drop, decider = dropped[DOCUMENT]
            yield Dropped(doc.id, drop, url=doc.source.url, kept=decider)
            continue
        for element in doc.elements:
            if element.position in dropped:
                drop, decider = dropped[element.position]
                yield Dropped(doc.id, drop, element.position, getattr(element, "url", ""), decider)
        yield doc.without(dropped) if dropped else doc
