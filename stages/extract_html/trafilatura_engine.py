"""The main content of a page as trafilatura (Barbaresi, ACL 2021) extracts it, as the same elements."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from interloom.schemas.document import Element, Image, Text
from interloom.stages.extract_html.addresses import absolute_url
from interloom.stages.extract_html.content import PageContent
from interloom.stages.extract_html.images import LeftOut
from interloom.stages.extract_html.metadata import PageMetadata
from interloom.stages.extract_html.picture_elements import pictures_inside

_ROLES = {"head": "heading", "item": "list_item", "quote": "quote", "code": "code"}
_BLOCKS = frozenset(("p", "head", "item", "quote", "code", "table"))
_TEXT_SEPARATOR_CHARS = 2
"""Characters between two body texts in `Document.text`."""

Part = tuple[str, str, str]
"""A text, or an image: its role or "image", its text or URL, its alt text."""


def extract_with_trafilatura(
    parser: LexborHTMLParser, html: bytes, url: str, metadata: PageMetadata, comments: bool
) -> PageContent:
    """The content of a page; without elements if trafilatura finds none.

    Parameters:
        parser: The parsed page.
        html: Its markup in UTF-8.
        url: Its address.
        metadata: What the page states about itself, for what trafilatura does not read.
        comments: Whether comments under an article are kept.
    """
    import trafilatura

    extracted = trafilatura.bare_extraction(
        html.decode("utf-8", "replace"),
        url=url or None,
        include_comments=comments,
        include_images=True,
        include_tables=True,
        with_metadata=True,
    )
    bodies = (
        [tree for tree in (extracted.body, extracted.commentsbody if comments else None) if tree is not None] if extracted else []
    )
    elements = tuple(_elements([part for body in bodies for part in _parts(body)], metadata.base_url))
    labels = metadata if extracted is None else _with_labels(metadata, extracted)
    return PageContent(elements, _left_out(parser, elements, metadata.base_url), labels, 0)


def _with_labels(metadata: PageMetadata, extracted: Any) -> PageMetadata:
    """The metadata with title, author and date as trafilatura reads them."""
    return replace(
        metadata,
        title=extracted.title or metadata.title,
        author=extracted.author or metadata.author,
        published=extracted.date or metadata.published,
    )


def _parts(tree: Any) -> Iterator[Part]:
    """The texts and images of trafilatura's tree, in reading order."""
    for child in tree:
        if child.tag == "graphic":
            yield ("image", child.get("src") or "", child.get("alt") or child.get("title") or "")
        elif child.tag == "table":
            rows = [" | ".join(" ".join("".join(cell.itertext()).split()) for cell in row if cell.tag == "cell") for row in child]
            yield ("table", "\n".join(row for row in rows if row), "")
            yield from (part for part in _parts(child) if part[0] == "image")
        elif child.tag in _BLOCKS and not any(below.tag in _BLOCKS for below in child.iterdescendants()):
            yield from _split_at_images(child, _ROLES.get(child.tag, "paragraph"))
        else:
            yield from _parts(child)


def _split_at_images(block: Any, role: str) -> Iterator[Part]:
    """A block as texts and images: `<p>a <hi>b</hi> <graphic src="c"/> d</p>` -> a b, c, d."""
    text = ""
    for piece in _pieces(block):
        if isinstance(piece, str):
            text += piece
        else:
            yield (role, text, "")
            yield piece
            text = ""
    yield (role, text, "")


def _pieces(node: Any) -> Iterator[str | Part]:
    if node.tag == "graphic":
        yield ("image", node.get("src") or "", node.get("alt") or node.get("title") or "")
    yield ("\n" if node.tag == "lb" else "") + (node.text or "")
    for child in node:
        yield from _pieces(child)
        yield child.tail or ""


def _elements(parts: list[Part], base_url: str) -> Iterator[Element]:
    position = offset = 0
    for role, value, alt in parts:
        text = value.strip("\n") if role == "code" else "\n".join(" ".join(line.split()) for line in value.splitlines()).strip()
        if not text:
            continue
        if role == "image":
            at = max(offset - _TEXT_SEPARATOR_CHARS, 0)
            yield Image(position=position, url=absolute_url(base_url, text), alt=" ".join(alt.split()), offset=at)
        else:
            yield Text(position=position, text=text, role=role, offset=offset)
            offset += len(text) + _TEXT_SEPARATOR_CHARS
        position += 1


def _left_out(parser: LexborHTMLParser, elements: tuple[Element, ...], base_url: str) -> list[LeftOut]:
    """The pictures of the page that trafilatura does not keep."""
    kept = [element.url for element in elements if isinstance(element, Image)]
    left_out = []
    for picture, address in pictures_inside(parser.root):
        names = {absolute_url(base_url, value) for value in (address, *picture.attributes.values()) if value}
        taken = next((url for url in kept if url in names), None)
        if taken is not None:
            kept.remove(taken)
        else:
            url = absolute_url(base_url, address)
            left_out.append(LeftOut(url, "outside_content" if url else "no_address"))
    return left_out
