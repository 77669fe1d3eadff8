"""Writes documents as PIN (arXiv 2406.13923) publishes them: Markdown, with images as files beside the rows.

Pictures of whole pages are those at the positions that the label `overall_image` lists; they follow in `overall_image`. Texts
that follow each other are joined by blank lines, headings begin with `#`, and markup of images in a text is
escaped. PIN has no place for positions, sizes and scores of
elements, alt texts, roles and origins of texts, URLs of images, and images without bytes. `quality_signals` are the
document's scores. An id of the input stands in `ori_meta`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from interloom.pipeline.card_parts import CardParts
from interloom.schemas.document import SOURCE_ID, Document, Image, Text
from interloom.schemas.media_names import extension_of
from interloom.schemas.sample_members import key_of
from interloom.stages._formats.row_export import Row, RowExport, named_files, without_bytes

_MARKUP = re.compile(r"<(?=img\b)|!\[", re.IGNORECASE)
"""The beginning of an image in HTML or Markdown."""
_META = ("language", "source_dataset", "page_id", "oi_source")


def _rows(doc: Document) -> Iterator[Row]:
    names, pages = dict(_names(doc)), _pages(doc)
    whole = [names[position] for position in pages]
    given = {SOURCE_ID: doc.labels[SOURCE_ID]} if SOURCE_ID in doc.labels else {}
    known = {name: doc.labels[name] for name in _META if name in doc.labels}
    yield {
        "id": doc.id,
        "meta": {
            "language": doc.labels.get("language", ""),
            "oi_exist": bool(whole),
            "oi_source": "ori" if whole else "compiling",
            "source_dataset": "",
            "ori_meta": {"url": doc.source.url, **given},
            "doc_id": doc.id,
            "page_id": 0,
            "date_download": doc.source.date,
            **known,
        },
        "license": doc.source.licence,
        "quality_signals": dict(doc.scores),
        "content_image": [name for position, name in names.items() if position not in pages],
        "md": "\n\n".join(_markdown(doc, names, pages)),
        "overall_image": whole[0] if len(whole) == 1 else whole,
    }


def _markdown(doc: Document, names: dict[int, str], pages: list[int]) -> Iterator[str]:
    for element in doc.elements:
        if isinstance(element, Text):
            text = _MARKUP.sub(_escaped, element.text)
            yield f"# {text}" if element.role == "heading" and not text.startswith("#") else text
        elif element.position in names and element.position not in pages:
            yield f"<img src='{names[element.position]}'>"


def _escaped(match: re.Match[str]) -> str:
    """The beginning of markup as a reader of Markdown shows it: "<" of "<img" -> "&lt;"."""
    return {"<": "&lt;", "![": "!\\["}[match[0]]


def _pages(doc: Document) -> list[int]:
    """The positions of the images with bytes that show whole pages."""
    try:
        listed: Any = json.loads(doc.labels.get("overall_image", "[]"))
    except ValueError:
        return []
    return [image.position for image in _with_bytes(doc) if isinstance(listed, list) and image.position in listed]


def _with_bytes(doc: Document) -> list[Image]:
    return [image for image in doc.images if image.data is not None]


def _names(doc: Document) -> Iterator[tuple[int, str]]:
    """The position and the file name of each image with bytes."""
    key, pages = key_of(doc.id), _pages(doc)
    for number, image in enumerate(_with_bytes(doc)):
        folder = "overall_image" if image.position in pages else "content_image"
        yield image.position, f"{folder}/{key}-{number}.{extension_of(image.format)}"


def _files(doc: Document) -> Iterator[tuple[str, bytes]]:
    return named_files(doc, dict(_names(doc)))


_ABOUT = CardParts(
    kind="interleaved",
    columns={
        "id": "id of the document, unique in the dataset",
        "meta": "language, date and URL, and the id of the input in `ori_meta`",
        "license": "the licence that the page names",
        "quality_signals": "scores of the document",
        "content_image": "files of the pictures in the Markdown",
        "md": "the document as Markdown",
        "overall_image": "files of the pictures of whole pages",
    },
    features=(
        {"name": "id", "dtype": "string"},
        {"name": "meta", "dtype": "json"},
        {"name": "license", "dtype": "string"},
        {"name": "quality_signals", "dtype": "json"},
        {"name": "content_image", "list": "string"},
        {"name": "md", "dtype": "string"},
        {"name": "overall_image", "dtype": "json"},
    ),
    url_in="`meta.ori_meta.url`",
)
EXPORT = RowExport(to_rows=_rows, files=_files, lacking=without_bytes, about=_ABOUT)
