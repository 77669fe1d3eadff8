"""Names the group of a document: its domain, its dump, one of its labels, its length, how many images it has, its modalities."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from interloom.schemas.document import Clip, Document
from interloom.schemas.origin import domain_of
from interloom.stages._dedup.duplicates import hash64
from interloom.stages._video.timeline import count_tokens

COPY = "copy"
"""The label of documents that there are several times: which of these one is."""
NO_GROUPS = "none"
"""All documents are one group."""
_DUMP = re.compile(r"CC-MAIN-\d{4}-\d{2}")
_TEXT, _IMAGE, _VIDEO = 1, 2, 4
"""Bits of modalities, as UNITE has them."""


def group_of(doc: Document, by: str) -> str:
    """Returns the name of the document's group; "" is that of documents without a domain, dump or label.

    Parameters:
        doc: The document.
        by: "none"; "domain": the host of its URL, without www.; "dump": its label `dump`, else the name of Common Crawl's dump
            in its path; "length": its tokens in powers of two (700 -> "512-1023"); "images": how many it has; "modalities": the
            sum of 1 for text, 2 for images and 4 for video; else the name of a label.
    """
    return GROUPS[by](doc) if by in GROUPS else doc.labels.get(by, "")


def hash_of_group(doc: Document, by: str) -> int:
    """Returns a 64-bit hash of the name of the document's group; 0 if there are no groups."""
    return 0 if by == NO_GROUPS else hash64(group_of(doc, by))


def tokens_of(doc: Document) -> int:
    """Returns the number of tokens of the running text, estimated without a tokenizer."""
    return count_tokens(doc.text)


def _dump(doc: Document) -> str:
    dump = _DUMP.search(doc.source.path)
    return doc.labels.get("dump", "") or (dump[0] if dump else "")


def _length(doc: Document) -> str:
    tokens = tokens_of(doc)
    low = 1 << tokens.bit_length() >> 1
    return f"{low}-{2 * low - 1}" if low > 1 else str(low)


def _modalities(doc: Document) -> str:
    has_video = any(isinstance(element, Clip) for element in doc.elements)
    return str(_TEXT * bool(doc.text.strip()) + _IMAGE * bool(doc.images) + _VIDEO * has_video)


GROUPS: Mapping[str, Callable[[Document], str]] = {
    NO_GROUPS: lambda doc: "",
    "domain": lambda doc: domain_of(doc.source.url),
    "dump": _dump,
    "length": _length,
    "images": lambda doc: str(len(doc.images)),
    "modalities": _modalities,
}
"""What makes groups besides labels, and the name of a document's group."""


def copies_of(doc: Document, count: int) -> Iterator[Document]:
    """Yields the document and its copies `<id>#1`, `<id>#2` ..., so many together, numbered from 0 in the label `copy`.

    A document that was copied before, of which `<id>#1` is a copy already, gets copies `<id>#0-1` ... with the labels "0-1" ...,
    and its copy `<id>#1` gets `<id>#1#0-1` ... with the labels "1-1" ...
    """
    if count == 1:
        yield doc
        return
    before = doc.labels.get(COPY, "")
    levels = "0-" * len(before.split("-")) if before else ""
    for number in range(count):
        id_ = f"{doc.id}#{levels}{number}" if number else doc.id
        yield replace(doc, id=id_).with_labels(**{COPY: f"{before}-{number}" if before else str(number)})
