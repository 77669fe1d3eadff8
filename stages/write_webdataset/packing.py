"""Short documents one after the other in one sample, up to the length that a model reads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from interloom.schemas.document import Document, Element, Text
from interloom.stages._video.timeline import count_tokens


def joined(docs: Iterable[Document], most: int, joint: str) -> Iterator[Document]:
    """In the order given, as many at a time as have `most` tokens with a text `joint` between; a longer one stays alone."""
    group, held = list[Document](), 0
    for doc in docs:
        length = sum(count_tokens(text.text) for text in doc.texts)
        if group and held + count_tokens(joint) + length > most:
            yield _one(group, joint)
            group, held = [], 0
        held += length + (count_tokens(joint) if group else 0)
        group.append(doc)
    if group:
        yield _one(group, joint)


def _one(group: Sequence[Document], joint: str) -> Document:
    """Named after the first. Label `joined` says which documents stand in it, and by how much their positions were moved."""
    if len(group) == 1:
        return group[0]
    elements, places = list[Element](), list[dict[str, object]]()
    for doc in group:
        if elements:
            elements.append(Text(position=elements[-1].position + 1, text=joint, origin="generated", role="joint"))
        moved = elements[-1].position + 1 if elements else 0
        elements += sorted((_moved(element, moved) for element in doc.elements), key=lambda element: element.position)
        places.append({"id": doc.id, "moved": moved, "url": doc.source.url, "path": doc.source.path})
    shared = set.intersection(*(set(doc.labels.items()) for doc in group))
    return replace(group[0], elements=tuple(elements), scores={}, labels={**dict(sorted(shared)), "joined": json.dumps(places)})


def _moved(element: Element, by: int) -> Element:
    if isinstance(element, Text) and element.of is not None:
        return replace(element, position=element.position + by, of=element.of + by)
    return replace(element, position=element.position + by)
