"""Writes documents as Data-Juicer reads them: a text with a token for each image, and the list of images.

An image with bytes is a file beside the rows, another one is its URL; `image_urls` in `meta` has the URLs of all. Each text ends
a chunk. Data-Juicer has no place for positions, sizes and scores of elements, alt texts, roles and origins of texts, and
a label `url`; its tokens are taken out of texts. Clips are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from interloom.pipeline.card_parts import CardParts
from interloom.schemas.document import Document, Image, Text
from interloom.schemas.media_names import media_name
from interloom.schemas.sample_members import key_of
from interloom.stages._formats.row_export import Row, RowExport

IMAGE = "<__dj__image>"
END_OF_CHUNK = "<|__dj__eoc|>"
_TOKENS = (IMAGE, "<__dj__audio>", "<__dj__video>", END_OF_CHUNK)


def _rows(doc: Document) -> Iterator[Row]:
    pieces = list[str]()
    for element in doc.elements:
        if isinstance(element, Text):
            pieces += [_without_tokens(element.text), END_OF_CHUNK]
        elif isinstance(element, Image) and _name(doc, element):
            pieces.append(IMAGE)
    if pieces and pieces[-1] == IMAGE:
        pieces.append(END_OF_CHUNK)
    yield {
        "id": doc.id,
        "text": " ".join(pieces),
        "images": [name for image in doc.images if (name := _name(doc, image))],
        "meta": _meta(doc),
        "__dj__stats__": dict(doc.scores),
    }


def _meta(doc: Document) -> dict[str, Any]:
    """What is known of the document; a date that could not be read is a label."""
    own = {"url": doc.source.url, "date": doc.source.date or doc.labels.get("date", "")}
    return {**own, **doc.labels, **own, **_urls(doc)}


def _urls(doc: Document) -> dict[str, list[str]]:
    """The URLs of the images in their order, "" for one without; nothing if none has one."""
    urls = [image.url for image in doc.images if _name(doc, image)]
    return {"image_urls": urls} if any(urls) else {}


def _without_tokens(text: str) -> str:
    for token in _TOKENS:
        text = text.replace(token, "")
    return text


def _name(doc: Document, image: Image) -> str:
    """The name of an image with bytes relative to the folder of the rows, the URL of another one."""
    return f"images/{key_of(doc.id)}/{media_name(image)}" if image.data is not None else image.url


def _files(doc: Document) -> Iterator[tuple[str, bytes]]:
    return ((_name(doc, image), image.data) for image in doc.images if image.data is not None)


def _nameless(doc: Document) -> list[int]:
    return [image.position for image in doc.images if not _name(doc, image)]


_ABOUT = CardParts(
    kind="interleaved",
    columns={
        "id": "id of the document, unique in the dataset",
        "text": "the texts, with a token for each image",
        "images": "files of the images in order, URLs of those without bytes",
        "meta": "URL, date and labels of the document",
        "__dj__stats__": "scores of the document",
    },
    features=(
        {"name": "id", "dtype": "string"},
        {"name": "text", "dtype": "string"},
        {"name": "images", "list": "string"},
        {"name": "meta", "dtype": "json"},
        {"name": "__dj__stats__", "dtype": "json"},
    ),
    url_in="`meta.url` or `meta.image_urls`",
)
EXPORT = RowExport(to_rows=_rows, files=_files, lacking=_nameless, about=_ABOUT)
