"""Packs short documents into one sample, up to the number of tokens that a model reads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from interloom.schemas.document import Document, Element, Text
from interloom.schemas.split_buckets import DUPLICATE_OF
from interloom.stages._video.timeline import count_tokens


def pack(docs: Iterable[Document], pack_tokens: int, separator: str) -> Iterator[Document]:
    """Packs successive documents, as many as fit, into one document each; a longer one stays alone.

    Parameters:
        docs: The documents.
        pack_tokens: Maximum number of tokens of a packed document, the separators counted.
        separator: The text between two documents.
    """
    group, tokens = list[Document](), 0
    for doc in docs:
        doc_tokens = sum(count_tokens(text.text) for text in doc.texts)
        if group and tokens + count_tokens(separator) + doc_tokens > pack_tokens:
            yield _join(group, separator)
            group, tokens = [], 0
        tokens += doc_tokens + (count_tokens(separator) if group else 0)
        group.append(doc)
    if group:
        yield _join(group, separator)


def _join(group: Sequence[Document], separator: str) -> Document:
    """Returns the documents as one with the id of the first and the labels that all share, without scores.

    The label `joined` lists the documents as JSON, with the number `moved` that was added to their positions:
    `[{"id": "a", "moved": 0, ...}, {"id": "b", "moved": 8, ...}]`. A single document stays as it is.
    """
    if len(group) == 1:
        return group[0]
    elements, members = list[Element](), list[dict[str, object]]()
    for doc in group:
        if elements:
            elements.append(Text(position=elements[-1].position + 1, text=separator, origin="generated", role="joint"))
        moved = elements[-1].position + 1 if elements else 0
        elements += sorted((_shift(element, moved) for element in doc.elements), key=lambda element: element.position)
        duplicate = {DUPLICATE_OF: doc.labels[DUPLICATE_OF]} if DUPLICATE_OF in doc.labels else {}
        members.append({"id": doc.id, "moved": moved, "url": doc.source.url, "path": doc.source.path, **duplicate})
    shared = set.intersection(*(set(doc.labels.items()) for doc in group))
    labels = {**dict(sorted(shared)), "joined": json.dumps(members)}
    return replace(group[0], elements=tuple(elements), scores={}, labels=labels)


def joined_documents(doc: Document) -> Sequence[Mapping[str, str]]:
    """What the label `joined` of a packed document says of each of its documents; nothing for one that is not packed."""
    is_packed = any(text.role == "joint" and text.origin == "generated" for text in doc.texts)
    members: Sequence[Mapping[str, str]] = json.loads(doc.labels["joined"]) if is_packed and "joined" in doc.labels else ()
    return members


def _shift(element: Element, by: int) -> Element:
    """Adds `by` to the position of an element and to the position that a caption refers to."""
    if isinstance(element, Text) and element.of is not None:
        return replace(element, position=element.position + by, of=element.of + by)
    return replace(element, position=element.position + by)
