"""trafilatura's idea of a page's main text, as blocks with roles."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

_ROLES = {"head": "heading", "quote": "quote", "code": "code", "p": "paragraph", "item": "list_item"}
# htmldate holds dates against the present day unless told otherwise; a step must give the same tomorrow.
_DATES = {"extensive_search": False, "original_date": True, "max_date": "2099-12-31", "outputformat": "%Y-%m-%d"}


@dataclass(frozen=True, slots=True)
class Block:
    text: str
    role: str


@dataclass(frozen=True, slots=True)
class Article:
    """The main text, and what trafilatura found out about the page."""

    blocks: list[Block]
    title: str = ""
    author: str = ""
    published: str = ""


def article(tree: Any, url: str) -> Article:
    """Extracts from an lxml tree, which may be changed by it; no blocks when there is no main text."""
    found = _library().bare_extraction(
        tree, url=url or None, include_comments=False, with_metadata=True, date_extraction_params=_DATES
    )
    if found is None or found.body is None:
        return Article([])
    blocks = [block for block in _blocks(found.body) if block.text]
    return Article(blocks, found.title or "", found.author or "", found.date or "")


@lru_cache(maxsize=1)
def _library() -> Any:
    """Quiet: what it has to say of a page, the page's outcome says."""
    import trafilatura

    for name in ("trafilatura", "htmldate", "courlan"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return trafilatura


def _blocks(parent: Any) -> Iterator[Block]:
    for element in parent:
        if element.tag == "table":
            yield Block(_table(element), "table")
        elif element.tag in ("list", "body", "div"):
            yield from _blocks(element)
        elif element.tag in _ROLES:
            yield Block(_text(element), _ROLES[element.tag])
        elif isinstance(element.tag, str):
            yield Block(_text(element), "paragraph")
        if element.tail and element.tail.strip():
            yield Block(_squeezed(element.tail), "paragraph")


def _table(table: Any) -> str:
    rows = [" | ".join(_text(cell).replace("\n", " ") for cell in row.iter("cell")) for row in table.iter("row")]
    return "\n".join(row for row in rows if row.strip(" |"))


def _text(element: Any) -> str:
    text = "".join(_pieces(element))
    return text.strip("\n") if element.tag == "code" else _squeezed(text)


def _pieces(element: Any) -> Iterator[str]:
    yield element.text or ""
    for child in element:
        if child.tag == "lb":
            yield "\n"
        yield from _pieces(child)
        yield child.tail or ""


def _squeezed(text: str) -> str:
    return "\n".join(line for line in (" ".join(line.split()) for line in text.split("\n")) if line)
